package rpm

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strconv"
)

// record is one metadata file and what repomd.xml says about it.
type record struct {
	kind, file string
	data       []byte
	sum        [sha256.Size]byte // of data
	open       string            // hex sha256 of the uncompressed content
	size       int64             // bytes of the uncompressed content
}

// name is the file's name, with its checksum, as createrepo_c names it by default.
func (r *record) name() string { return hex.EncodeToString(r.sum[:]) + "-" + r.file }

// contentRevision is a number, as some tools expect of a revision, that is the
// same for the same uncompressed metadata: createrepo_c's clock would make
// every client reload what has not changed.
func contentRevision(records []record) string {
	h := sha256.New()
	for i := range records {
		h.Write([]byte(records[i].kind + " " + records[i].open + "\n"))
	}
	return strconv.FormatUint(binary.BigEndian.Uint64(h.Sum(nil))>>12, 10) // 52 bits: exact in a double too
}

// repomdXML is repomd.xml. timestamp, in seconds since 1970, takes the
// place of the metadata files' modification times.
func repomdXML(revision string, records []record, timestamp int64) []byte {
	b := append([]byte(nil), xmlProlog...)
	b = append(b, `<repomd xmlns="http://linux.duke.edu/metadata/repo" xmlns:rpm="http://linux.duke.edu/metadata/rpm">`+"\n"...)
	b = appendElement(b, "  <revision>", revision, "</revision>\n")
	for i := range records {
		r := &records[i]
		b = appendAttr(b, `  <data type="`, r.kind)
		b = appendElement(b, ">\n    <checksum type=\"sha256\">", hex.EncodeToString(r.sum[:]), "</checksum>\n")
		b = appendElement(b, `    <open-checksum type="sha256">`, r.open, "</open-checksum>\n")
		b = appendAttr(b, `    <location href="`, "repodata/"+r.name())
		b = appendElement(b, "/>\n    <timestamp>", strconv.FormatInt(timestamp, 10), "</timestamp>\n")
		b = appendElement(b, "    <size>", strconv.Itoa(len(r.data)), "</size>\n")
		b = appendElement(b, "    <open-size>", strconv.FormatInt(r.size, 10), "</open-size>\n  </data>\n")
	}
	return append(b, "</repomd>\n"...)
}
