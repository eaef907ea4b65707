package rpm

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"path"
	"strings"
)

// value is one tag of a header under construction.
type value struct {
	tag   tag
	typ   valueType
	count int
	data  []byte
}

func stringValue(t tag, s string) value { return value{t, typeString, 1, append([]byte(s), 0)} }

func i18nValue(t tag, list ...string) value {
	v := stringsValue(t, list...)
	v.typ = typeI18nString
	return v
}

func stringsValue(t tag, list ...string) value {
	return value{t, typeStringArray, len(list), []byte(strings.Join(list, "\x00") + "\x00")}
}

func int32Value(t tag, list ...uint32) value {
	var b []byte
	for _, n := range list {
		b = binary.BigEndian.AppendUint32(b, n)
	}
	return value{t, typeInt32, len(list), b}
}

func int64Value(t tag, list ...uint64) value {
	var b []byte
	for _, n := range list {
		b = binary.BigEndian.AppendUint64(b, n)
	}
	return value{t, typeInt64, len(list), b}
}

func int16Value(t tag, list ...uint16) value {
	var b []byte
	for _, n := range list {
		b = binary.BigEndian.AppendUint16(b, n)
	}
	return value{t, typeInt16, len(list), b}
}

func binValue(t tag, b []byte) value { return value{t, typeBin, len(b), b} }

// headerBytes writes a header structure with an immutable region named region.
func headerBytes(region tag, values []value) []byte {
	var index, data []byte
	appendIndex := func(t tag, typ valueType, offset, count int) {
		for _, n := range []uint32{uint32(t), uint32(typ), uint32(int32(offset)), uint32(count)} {
			index = binary.BigEndian.AppendUint32(index, n)
		}
	}
	for _, v := range values {
		for v.typ.width() > 1 && len(data)%v.typ.width() != 0 {
			data = append(data, 0)
		}
		appendIndex(v.tag, v.typ, len(data), v.count)
		data = append(data, v.data...)
	}
	body := index
	index = nil
	appendIndex(region, typeBin, len(data), entrySize)
	first := index
	index = nil
	appendIndex(region, typeBin, -(len(values)+1)*entrySize, entrySize)
	data = append(data, index...)

	out := append([]byte{}, headerMagic...)
	out = binary.BigEndian.AppendUint32(out, uint32(len(values)+1))
	out = binary.BigEndian.AppendUint32(out, uint32(len(data)))
	return bytes.Join([][]byte{out, first, body, data}, nil)
}

// rpmBytes writes a whole RPM file.
func rpmBytes(sig, main []value, payload []byte) []byte {
	lead := make([]byte, leadSize)
	copy(lead, leadMagic)
	lead[4] = 3
	lead[79] = 5
	head := headerBytes(tagHeaderImmutable, main)
	sum := sha256.Sum256(head)
	sig = append([]value{stringValue(sigSHA256, hex.EncodeToString(sum[:]))}, sig...)
	out := append(lead, headerBytes(tagHeaderSignatures, sig)...)
	for len(out)%8 != 0 {
		out = append(out, 0)
	}
	return append(append(out, head...), payload...)
}

// dep is a dependency of a testPackage, with its flags as RPM stores them.
type dep struct {
	name    string
	flags   uint32
	version string
}

// file is a file of a testPackage.
type file struct {
	path  string
	mode  uint16
	flags uint32
}

// testPackage describes an RPM to write. Zero fields are left out of the header.
type testPackage struct {
	name, version, release, arch   string
	epoch                          uint32
	summary, description, group    []string // one value per language
	url, license, vendor, packager string
	buildHost, sourceRPM           string
	buildTime, size                uint32
	longSize, longArchive          uint64
	sigArchive                     uint32
	source                         bool
	deps                           map[DepKind][]dep
	oldSuggests, oldEnhances       []dep
	files                          []file
	oldNames                       bool // whole paths instead of directories and base names
	logTimes                       []uint32
	logNames, logTexts             []string
	signature                      int // bytes of a made-up signature
	extra                          []value
	payload                        int
}

func (p testPackage) bytes() []byte {
	main := []value{
		stringsValue(tagHeaderI18nTable, "C"),
		stringValue(tagName, p.name), stringValue(tagVersion, p.version), stringValue(tagRelease, p.release),
	}
	optional := func(t tag, s string) {
		if s != "" {
			main = append(main, stringValue(t, s))
		}
	}
	texts := func(t tag, list []string) {
		if len(list) > 0 {
			main = append(main, i18nValue(t, list...))
		}
	}
	number := func(t tag, n uint32) {
		if n != 0 {
			main = append(main, int32Value(t, n))
		}
	}
	number(tagEpoch, p.epoch)
	texts(tagSummary, p.summary)
	texts(tagDescription, p.description)
	number(tagBuildTime, p.buildTime)
	optional(tagBuildHost, p.buildHost)
	number(tagSize, p.size)
	optional(tagVendor, p.vendor)
	optional(tagLicense, p.license)
	optional(tagPackager, p.packager)
	texts(tagGroup, p.group)
	optional(tagURL, p.url)
	optional(tagArch, p.arch)
	optional(tagSourceRPM, p.sourceRPM)
	if p.longSize != 0 {
		main = append(main, int64Value(tagLongSize, p.longSize))
	}
	if p.source {
		main = append(main, int32Value(tagSourcePackage, 1))
	}
	main = append(main, fileValues(p.files, p.oldNames)...)
	for _, src := range depSources {
		list := p.deps[src.kind]
		switch src.name {
		case 1156:
			list = p.oldSuggests
		case 1159:
			list = p.oldEnhances
		}
		main = append(main, depValues(src, list)...)
	}
	if len(p.logTimes) > 0 {
		main = append(main, int32Value(tagChangelogTime, p.logTimes...),
			stringsValue(tagChangelogName, p.logNames...), stringsValue(tagChangelogText, p.logTexts...))
	}
	main = append(main, p.extra...)
	return rpmBytes(p.signatureValues(), main, bytes.Repeat([]byte{'p'}, p.payload))
}

func (p testPackage) signatureValues() []value {
	var sig []value
	if p.longArchive != 0 {
		sig = append(sig, int64Value(sigLongArchiveSize, p.longArchive))
	}
	if p.signature > 0 {
		sig = append(sig, binValue(268, bytes.Repeat([]byte{0x88}, p.signature)))
	}
	sig = append(sig, int32Value(1000, uint32(p.payload)))
	if p.sigArchive != 0 {
		sig = append(sig, int32Value(sigPayloadSize, p.sigArchive))
	}
	return sig
}

func depValues(src depSource, list []dep) []value {
	if len(list) == 0 {
		return nil
	}
	var names, versions []string
	var flags []uint32
	for _, d := range list {
		names, versions, flags = append(names, d.name), append(versions, d.version), append(flags, d.flags)
	}
	return []value{stringsValue(src.name, names...), stringsValue(src.version, versions...), int32Value(src.flags, flags...)}
}

func fileValues(files []file, oldNames bool) []value {
	if len(files) == 0 {
		return nil
	}
	var names, dirs, bases []string
	var index, flags []uint32
	var modes []uint16
	at := map[string]uint32{}
	for _, f := range files {
		dir, base := path.Split(f.path)
		if _, ok := at[dir]; !ok {
			at[dir] = uint32(len(dirs))
			dirs = append(dirs, dir)
		}
		names, bases, index = append(names, f.path), append(bases, base), append(index, at[dir])
		flags, modes = append(flags, f.flags), append(modes, f.mode)
	}
	list := []value{int16Value(tagFileModes, modes...), int32Value(tagFileFlags, flags...)}
	if oldNames {
		return append(list, stringsValue(tagOldFileNames, names...))
	}
	return append(list, int32Value(tagDirIndexes, index...), stringsValue(tagBaseNames, bases...), stringsValue(tagDirNames, dirs...))
}
