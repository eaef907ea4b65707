package sbom

import (
	"bytes"
	"encoding/json"
	"slices"
)

// when stands in every annotation, because the format asks for a time.
const when = "1970-01-01T00:00:00Z"

// write makes the text by hand: encoding/json takes several times as long for
// ten thousand components, and this is done before every build.
func (b *bom) write() []byte {
	size := 1 << 10
	for i := range b.all {
		size += 360 + 3*len(b.all[i].PURL) + 2*len(b.all[i].Name)
	}
	w := writer{bytes.NewBuffer(make([]byte, 0, size))}
	w.text("{\n  \"bomFormat\": \"CycloneDX\",\n")
	w.annotations(b)
	w.components(b)
	w.text("  \"metadata\": {\n    \"tools\": [\n      {\n        \"vendor\": \"lazybuild\",\n        \"name\": \"lazybuild\"\n      }\n    ]\n  },\n")
	w.text("  \"specVersion\": \"1.6\",\n  \"version\": 1\n}\n")
	return w.Bytes()
}

type writer struct{ *bytes.Buffer }

func (w writer) text(s string) { w.WriteString(s) }

// field writes `indent"key": "value"`.
func (w writer) field(indent, key, value string) {
	w.text(indent)
	w.text(key)
	w.quote(value)
}

// annotations list the components of each backend, the backends by name.
func (w writer) annotations(b *bom) {
	if len(b.types) == 0 {
		return
	}
	w.text("  \"annotations\": [\n")
	for n, typ := range slices.Sorted(slices.Values(b.types)) {
		if n > 0 {
			w.text(",\n")
		}
		bit := uint64(1) << slices.Index(b.types, typ)
		sep := "    {\n      \"subjects\": [\n        "
		for _, i := range b.order {
			if c := &b.all[i]; c.types&bit != 0 {
				w.text(sep)
				w.quote(c.PURL)
				sep = ",\n        "
			}
		}
		w.text("\n      ],\n      \"annotator\": {\n        \"organization\": {\n          \"name\": \"lazybuild\"\n        }\n      },\n")
		w.field("      ", "\"timestamp\": ", when)
		w.field(",\n      ", "\"text\": ", backendText(typ))
		w.text("\n    }")
	}
	w.text("\n  ],\n")
}

func (w writer) components(b *bom) {
	if len(b.all) == 0 {
		w.text("  \"components\": [],\n")
		return
	}
	w.text("  \"components\": [\n")
	var properties []property
	for n, i := range b.order {
		if n > 0 {
			w.text(",\n")
		}
		properties = b.all[i].properties(properties[:0])
		w.component(&b.all[i], properties)
	}
	w.text("\n  ],\n")
}

func (w writer) component(c *merged, properties []property) {
	w.field("    {\n      ", "\"bom-ref\": ", c.PURL)
	w.field(",\n      ", "\"name\": ", c.Name)
	w.field(",\n      ", "\"purl\": ", c.PURL)
	if c.Version != "" {
		w.field(",\n      ", "\"version\": ", c.Version)
	}
	w.text(",\n      \"properties\": [\n")
	for i, p := range properties {
		if i > 0 {
			w.text(",\n")
		}
		w.field("        {\n          ", "\"name\": ", p.name)
		w.field(",\n          ", "\"value\": ", p.value)
		w.text("\n        }")
	}
	kind := "library"
	if c.File {
		kind = "file"
	}
	w.field("\n      ],\n      ", "\"type\": ", kind)
	if c.URL != "" {
		w.field(",\n      \"externalReferences\": [\n        {\n          ", "\"url\": ", c.URL)
		w.text(",\n          \"type\": \"distribution\"\n        }\n      ]")
	}
	w.text("\n    }")
}

func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c > 0x7e || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// quote writes a JSON string. Nearly all are plain.
func (w writer) quote(s string) {
	if plain(s) {
		w.WriteByte('"')
		w.text(s)
		w.WriteByte('"')
		return
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // a string can always be encoded
	w.Truncate(w.Len() - 1)
}
