package credentials

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"

	"github.com/lazybuild/lazybuild/pkg/plan"
	"github.com/lazybuild/lazybuild/pkg/wire"
)

// hosts are the [[hosts]] of lazybuild.toml.
func (g *gatherer) hosts() error {
	var errs []error
	for _, h := range g.o.Hosts {
		c := wire.Credential{Host: h.Host, Prefix: h.Path}
		if !g.sites.need(c) {
			continue
		}
		g.looked(h.File)
		if h.PlainHTTP {
			g.plain = append(g.plain, hostname(h.Host))
		}
		if err := g.host(h, &c); err != nil {
			errs = append(errs, fmt.Errorf("%s:%d: [[hosts]] %s: %w", h.File, h.Line, printable(h.Host), err))
			continue
		}
		g.add(tierHosts, c)
	}
	return errors.Join(errs...)
}

func (g *gatherer) host(h plan.Host, c *wire.Credential) error {
	c.Source = fmt.Sprintf("%s:%d", h.File, h.Line)
	var token string
	var err error
	for _, v := range []struct {
		key, env, file string
		to             *string
	}{
		{"user", h.UserEnv, h.UserFile, &c.User},
		{"password", h.PasswordEnv, h.PasswordFile, &c.Password},
		{"token", h.TokenEnv, h.TokenFile, &token},
	} {
		if *v.to, err = g.named(v.key, v.env, v.file, h); err != nil {
			return err
		}
	}
	switch {
	case token != "" && h.Header != "":
		c.Header = map[string]string{h.Header: token}
	case token != "":
		c.Bearer = token
	}
	return g.hostTLS(h, c)
}

// named reads a secret from where the configuration says that it is.
func (g *gatherer) named(key, variable, file string, h plan.Host) (string, error) {
	switch {
	case variable != "":
		v, ok := g.env[variable]
		if !ok {
			return "", fmt.Errorf("%s-env: %w%s", key, unset(variable), hintFor(unset(variable)))
		}
		if _, err := secret(v); err != nil {
			return "", fmt.Errorf("%s-env: the variable %s: %w", key, variable, err)
		}
		g.secretIn(variable)
		g.note("$"+variable, h.Host, fmt.Sprintf("%s:%d", h.File, h.Line))
		return v, nil
	case file != "":
		path := g.path(h.Dir, file)
		data, err := readFile(path)
		if err == nil {
			if why := exposed(path, false); why != "" {
				err = errors.New(why)
			}
		}
		text := strings.TrimRight(string(data), "\r\n")
		if err == nil {
			_, err = secret(text)
		}
		if err != nil {
			return "", fmt.Errorf("%s-file: %s: %w", key, g.name(path), plainError(err))
		}
		g.note("the content of "+g.name(path), h.Host, fmt.Sprintf("%s:%d", h.File, h.Line))
		return text, nil
	}
	return "", nil
}

func (g *gatherer) hostTLS(h plan.Host, c *wire.Credential) (err error) {
	if h.Cert != "" {
		key := h.Key
		if key == "" {
			key = h.Cert // one file with both
		}
		if c.Cert, c.Key, err = keyPair(g.path(h.Dir, h.Cert), g.path(h.Dir, key)); err != nil {
			return err
		}
	}
	if h.CA != "" {
		c.CA, err = authorities(g.path(h.Dir, h.CA))
	}
	return err
}

// keyPair reads a client certificate and its key. The errors are about the files.
func keyPair(certFile, keyFile string) (cert, key []byte, err error) {
	if cert, err = readFile(certFile); err != nil {
		return nil, nil, fmt.Errorf("reading the client certificate %s: %w", certFile, plainError(err))
	}
	if key, err = readFile(keyFile); err != nil {
		return nil, nil, fmt.Errorf("reading the client certificate's key %s: %w", keyFile, plainError(err))
	}
	if _, err := tls.X509KeyPair(cert, key); err != nil {
		// The parser's own words are about the format alone.
		return nil, nil, fmt.Errorf("the client certificate %s with the key %s: %w%s", certFile, keyFile, err, encryptedHint(key))
	}
	return cert, key, nil
}

func encryptedHint(key []byte) string {
	if bytes.Contains(key, []byte("ENCRYPTED")) {
		return " (a key with a passphrase can't be used)"
	}
	return ""
}

func authorities(file string) ([]byte, error) {
	pem, err := readFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading the CA bundle %s: %w", file, plainError(err))
	}
	if !x509.NewCertPool().AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("the CA bundle %s holds no certificate (expected PEM)", file)
	}
	return pem, nil
}
