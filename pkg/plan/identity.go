package plan

import (
	"fmt"
	"hash"
	"reflect"
	"slices"
)

// writeValue writes everything that a value holds, unexported fields too, so that two
// values write the same only if they are equal. Functions say nothing but whether
// they are there: what they answer is noted when they are asked.
func writeValue(h hash.Hash, v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			fmt.Fprint(h, "nil ")
			return
		}
		fmt.Fprintf(h, "%s ", v.Elem().Type())
		writeValue(h, v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			fmt.Fprintf(h, "%s ", v.Type().Field(i).Name)
			writeValue(h, v.Field(i))
		}
	case reflect.Slice, reflect.Array:
		fmt.Fprintf(h, "l%d ", v.Len())
		for i := range v.Len() {
			writeValue(h, v.Index(i))
		}
	case reflect.Map:
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return compare(a, b) })
		fmt.Fprintf(h, "m%d ", len(keys))
		for _, k := range keys {
			writeValue(h, k)
			writeValue(h, v.MapIndex(k))
		}
	case reflect.Func:
		fmt.Fprintf(h, "f%v ", v.IsNil())
	case reflect.String:
		fmt.Fprintf(h, "s%d %s ", v.Len(), v.String())
	default:
		fmt.Fprintf(h, "%s %v ", v.Type(), v)
	}
}

func compare(a, b reflect.Value) int {
	x, y := fmt.Sprint(a), fmt.Sprint(b)
	switch {
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return 0
}
