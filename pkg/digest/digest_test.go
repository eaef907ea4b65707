package digest

import (
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"
)

// The digests of the empty input, from the algorithms' own specifications.
const (
	emptyMD5    = "d41d8cd98f00b204e9800998ecf8427e"
	emptySHA1   = "da39a3ee5e6b4b0d3255bfef95601890afd80709"
	emptySHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	emptySHA384 = "38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da274edebfe76f65fbd51ad2f14898b95b"
	emptySHA512 = "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e"
)

func sri(algo, value string) string {
	raw, err := hex.DecodeString(value)
	if err != nil {
		panic(err)
	}
	return algo + "-" + base64.StdEncoding.EncodeToString(raw)
}

func TestParseAcceptsEverySupportedAlgorithm(t *testing.T) {
	for _, want := range []Digest{
		"md5:" + emptyMD5, "sha1:" + emptySHA1, "sha256:" + emptySHA256,
		"sha384:" + emptySHA384, "sha512:" + emptySHA512,
	} {
		got, err := Parse(string(want))
		if err != nil || got != want {
			t.Errorf("Parse(%q) = %q, %v", want, got, err)
		}
		if !got.Valid() {
			t.Errorf("%q is not Valid", got)
		}
		if from := FromHash(want.Algorithm(), want.Hash()); from != want {
			t.Errorf("the hash of nothing is %q, not %q", from, want)
		}
	}
}

func TestParseFoldsUpperCase(t *testing.T) {
	got, err := Parse("sha1:" + strings.ToUpper(emptySHA1))
	if err != nil || got != Digest("sha1:"+emptySHA1) {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestParseRefuses(t *testing.T) {
	for name, s := range map[string]string{
		"nothing":              "",
		"no algorithm":         emptySHA256,
		"unknown algorithm":    "crc32:00000000",
		"upper-case algorithm": "SHA256:" + emptySHA256,
		"too short":            "sha256:" + emptySHA256[2:],
		"too long":             "sha256:" + emptySHA256 + "00",
		"odd length":           "sha256:" + emptySHA256[1:],
		"not hex":              "sha1:" + strings.Repeat("zz", 20),
		"white space":          "sha1: " + emptySHA1,
		"path in the value":    "sha1:../../" + emptySHA1[6:],
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := Parse(s); err == nil || got != "" {
				t.Errorf("Parse(%q) = %q, %v; want an error", s, got, err)
			}
			if Digest(s).Valid() {
				t.Errorf("%q is Valid", s)
			}
		})
	}
}

func TestValidRefusesUpperCase(t *testing.T) {
	if Digest("sha1:" + strings.ToUpper(emptySHA1)).Valid() {
		t.Error("an upper-case value would be a second name of one blob")
	}
}

func TestParseSRITakesTheStrongest(t *testing.T) {
	sha1, sha512 := sri("sha1", emptySHA1), sri("sha512", emptySHA512)
	for name, c := range map[string]struct {
		in   string
		want Digest
	}{
		"one":                   {sha512, "sha512:" + emptySHA512},
		"weak only":             {sha1, "sha1:" + emptySHA1},
		"weak first":            {sha1 + " " + sha512, "sha512:" + emptySHA512},
		"weak last":             {sha512 + "  " + sha1, "sha512:" + emptySHA512},
		"unknown passed over":   {"blake3-AAAA " + sha1, "sha1:" + emptySHA1},
		"options are no digest": {sha512 + "?x=y", "sha512:" + emptySHA512},
		"surrounding space":     {"\n " + sha1 + "\t", "sha1:" + emptySHA1},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ParseSRI(c.in)
			if err != nil || got != c.want {
				t.Errorf("ParseSRI(%q) = %q, %v; want %q", c.in, got, err, c.want)
			}
		})
	}
}

func TestParseSRIRefuses(t *testing.T) {
	for name, s := range map[string]string{
		"nothing":       "",
		"only unknown":  "blake3-AAAA",
		"hex form":      "sha256:" + emptySHA256,
		"not base64":    "sha1-@@@@",
		"wrong length":  "sha512-AAAA",
		"bad beside ok": sri("sha1", emptySHA1) + " sha512-AAAA",
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := ParseSRI(s); err == nil || got != "" {
				t.Errorf("ParseSRI(%q) = %q, %v; want an error", s, got, err)
			}
		})
	}
}

func TestStrengthOrdersAlgorithms(t *testing.T) {
	order := []Digest{"", "md5:" + emptyMD5, "sha1:" + emptySHA1, "sha256:" + emptySHA256, "sha384:" + emptySHA384, "sha512:" + emptySHA512}
	for i, d := range order {
		if i > 0 && d.Strength() <= order[i-1].Strength() {
			t.Errorf("%q is not stronger than %q", d, order[i-1])
		}
		if want := i < 3; d.Weak() != want {
			t.Errorf("Weak(%q) = %v, want %v", d, d.Weak(), want)
		}
	}
}

func TestFromBytes(t *testing.T) {
	d := FromBytes(nil)
	if d != "sha256:"+emptySHA256 || d.Hex() != emptySHA256 || d.Algorithm() != "sha256" || d.String() != string(d) {
		t.Errorf("got %q", d)
	}
}

func TestHashOfAnInvalidDigestIsNil(t *testing.T) {
	if Digest("").Hash() != nil || Digest("crc32:00").Hash() != nil {
		t.Error("an invalid digest has a hash")
	}
}

func FuzzParse(f *testing.F) {
	f.Add("sha256:" + emptySHA256)
	f.Add("sha1:" + strings.ToUpper(emptySHA1))
	f.Add(":")
	f.Fuzz(func(t *testing.T, s string) {
		d, err := Parse(s)
		if (err == nil) != d.Valid() {
			t.Fatalf("Parse(%q) = %q, %v, but Valid is %v", s, d, err, d.Valid())
		}
		if Digest(s).Valid() && string(d) != s {
			t.Fatalf("Parse changes the valid digest %q to %q", s, d)
		}
	})
}

func FuzzParseSRI(f *testing.F) {
	f.Add(sri("sha1", emptySHA1) + " " + sri("sha512", emptySHA512) + "?x")
	f.Add("sha512-")
	f.Fuzz(func(t *testing.T, s string) {
		d, err := ParseSRI(s)
		if (err == nil) != d.Valid() {
			t.Fatalf("ParseSRI(%q) = %q, %v", s, d, err)
		}
	})
}
