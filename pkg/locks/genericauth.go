package locks

import "strings"

// auth reads the auth block, and leaves its templates as they are.
func (g *genericParser) auth(n *node) (*Auth, error) {
	t, err := n.table("auth")
	if t == nil || err != nil {
		return nil, err
	}
	if err := t.onlyKeys("auth", "basic", "bearer"); err != nil {
		return nil, err
	}
	basic, err := t.table("basic")
	if err != nil {
		return nil, err
	}
	bearer, err := t.table("bearer")
	if err != nil {
		return nil, err
	}
	if (basic == nil) == (bearer == nil) {
		return nil, errAt(int(t.line), "auth has to hold either basic or bearer")
	}
	read, from := basicAuth, basic
	if basic == nil {
		read, from = bearerAuth, bearer
	}
	a, err := read(from)
	if a != nil {
		a.Line = int(from.line)
	}
	return a, err
}

func basicAuth(n *node) (*Auth, error) {
	if err := n.onlyKeys("basic", "username", "password"); err != nil {
		return nil, err
	}
	user, err := n.need("username", "basic")
	if err != nil {
		return nil, err
	}
	password, err := n.need("password", "basic")
	return &Auth{User: user, Password: password}, err
}

func bearerAuth(n *node) (*Auth, error) {
	if err := n.onlyKeys("bearer", "header", "value"); err != nil {
		return nil, err
	}
	value, err := n.need("value", "bearer")
	if err != nil {
		return nil, err
	}
	header, err := n.str("header")
	if header == "" {
		header = "Authorization"
	}
	if !IsHeaderName(header) {
		return nil, errAt(n.get("header").lineOf(n), "%q can't be the name of a header", clip(header))
	}
	return &Auth{Header: header, Value: value}, err
}

// IsHeaderName says whether s can be the name of a header: a token of RFC 9110,
// section 5.6.2.
func IsHeaderName(s string) bool {
	for i := 0; i < len(s); i++ {
		if !isBareKey(s[i]) && strings.IndexByte("!#$%&'*+.^`|~", s[i]) < 0 {
			return false
		}
	}
	return s != ""
}
