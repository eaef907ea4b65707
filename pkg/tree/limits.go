package tree

import "fmt"

// Limits against hostile lock files and a hostile or broken sender: what Build
// accepts, Decode accepts. Memory grows only with bytes that have arrived, so a
// huge count costs the decoder nothing.
const (
	maxString  = 64 << 10  // bytes of a URL or a recipe's argument
	maxContent = 256 << 20 // bytes of a generated file: the largest is an SBOM
	maxInputs  = 1 << 16
	maxFiles   = 1 << 26
	maxURLs    = 1 << 10
	maxArgs    = 1 << 8
	maxWords   = 1 << 20
)

func (f *File) checkLimits() error {
	switch {
	case len(f.Content) > maxContent:
		return fmt.Errorf("the content of %q has %d bytes, more than %d", f.Path, len(f.Content), maxContent)
	case len(f.URLs) > maxURLs:
		return fmt.Errorf("%q has %d URLs, more than %d", f.Path, len(f.URLs), maxURLs)
	case len(f.Group) > maxString:
		return fmt.Errorf("the group of %q is too long", f.Path)
	case f.Rank < 0 || f.Rank > maxFiles:
		return fmt.Errorf("%q has the impossible rank %d", f.Path, f.Rank)
	}
	for _, u := range f.URLs {
		if len(u) > maxString {
			return fmt.Errorf("%q has a URL of %d bytes, more than %d", f.Path, len(u), maxString)
		}
	}
	if f.Make != nil {
		return f.Make.checkLimits()
	}
	return nil
}

func (r *Recipe) checkLimits() error {
	if len(r.Kind) > maxString || len(r.Args) > maxArgs {
		return fmt.Errorf("a recipe has a kind of %d bytes and %d arguments: too much", len(r.Kind), len(r.Args))
	}
	for k, v := range r.Args {
		if len(k) > maxString || len(v) > maxString {
			return fmt.Errorf("the argument %.40q of a recipe is too long", k)
		}
	}
	return r.checkFrom()
}

func (r *Recipe) checkFrom() error {
	f := r.From
	switch {
	case f == nil:
		return nil
	case f.Digest != "" && !f.Digest.Valid():
		return fmt.Errorf("what a recipe is made from has the malformed digest %q", string(f.Digest))
	case f.Size < SizeUnknown:
		return fmt.Errorf("what a recipe is made from has the negative size %d", f.Size)
	case f.Make != nil || f.Content != nil || f.Part != nil:
		return fmt.Errorf("what a recipe is made from is itself made")
	}
	return f.checkLimits()
}
