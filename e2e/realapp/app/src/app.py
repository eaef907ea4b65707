import numpy
import pandas

frame = pandas.DataFrame({"n": numpy.arange(4)})
print("pandas", pandas.__version__, "sums to", frame.n.sum())
