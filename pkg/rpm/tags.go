package rpm

// tag names an entry of a header; the numbers are rpmtag.h's.
type tag uint32

const (
	tagHeaderSignatures tag = 62
	tagHeaderImmutable  tag = 63
	tagHeaderI18nTable  tag = 100

	// Of the signature header.
	sigSHA256          tag = 273
	sigPayloadSize     tag = 1007
	sigLongArchiveSize tag = 271

	tagLongArchiveSize tag = 271
	tagName            tag = 1000
	tagVersion         tag = 1001
	tagRelease         tag = 1002
	tagEpoch           tag = 1003
	tagSummary         tag = 1004
	tagDescription     tag = 1005
	tagBuildTime       tag = 1006
	tagBuildHost       tag = 1007
	tagSize            tag = 1009
	tagVendor          tag = 1011
	tagLicense         tag = 1014
	tagPackager        tag = 1015
	tagGroup           tag = 1016
	tagURL             tag = 1020
	tagArch            tag = 1022
	tagOldFileNames    tag = 1027
	tagFileModes       tag = 1030
	tagFileFlags       tag = 1037
	tagSourceRPM       tag = 1044
	tagArchiveSize     tag = 1046
	tagChangelogTime   tag = 1080
	tagChangelogName   tag = 1081
	tagChangelogText   tag = 1082
	tagSourcePackage   tag = 1106
	tagDirIndexes      tag = 1116
	tagBaseNames       tag = 1117
	tagDirNames        tag = 1118
	tagLongSize        tag = 5009
)

// valueType is the type of an entry's values.
type valueType uint32

const (
	typeChar        valueType = 1
	typeInt8        valueType = 2
	typeInt16       valueType = 3
	typeInt32       valueType = 4
	typeInt64       valueType = 5
	typeString      valueType = 6
	typeBin         valueType = 7
	typeStringArray valueType = 8
	typeI18nString  valueType = 9
)

// width is the number of bytes of one value, 0 for strings.
func (t valueType) width() int {
	switch t {
	case typeChar, typeInt8, typeBin:
		return 1
	case typeInt16:
		return 2
	case typeInt32:
		return 4
	case typeInt64:
		return 8
	}
	return 0
}

func (t valueType) isString() bool {
	return t == typeString || t == typeStringArray || t == typeI18nString
}

// wantedType lists the main header's tags that this package reads. Strings may
// be of any string type, as for librpm; numbers must be of exactly this type.
func wantedType(t tag) (valueType, bool) {
	switch t {
	case tagName, tagVersion, tagRelease, tagSummary, tagDescription, tagBuildHost, tagVendor, tagLicense,
		tagPackager, tagGroup, tagURL, tagArch, tagOldFileNames, tagSourceRPM, tagChangelogName,
		tagChangelogText, tagBaseNames, tagDirNames:
		return typeString, true
	case tagFileModes:
		return typeInt16, true
	case tagEpoch, tagBuildTime, tagSize, tagFileFlags, tagArchiveSize, tagChangelogTime, tagSourcePackage, tagDirIndexes:
		return typeInt32, true
	case tagLongArchiveSize, tagLongSize:
		return typeInt64, true
	}
	for _, d := range depSources {
		switch t {
		case d.name, d.version:
			return typeString, true
		case d.flags:
			return typeInt32, true
		}
	}
	return 0, false
}
