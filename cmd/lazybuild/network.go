package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
)

// proxyVariable reads a proxy setting as curl and Go do: the lower-case name
// wins, because CGI servers set HTTP_PROXY from a request's header.
func proxyVariable(name string) string {
	if v := os.Getenv(strings.ToLower(name)); v != "" {
		return v
	}
	return os.Getenv(name)
}

// systemBundles are where Linux distributions keep the certificate authorities
// that the system trusts, the administrator's own included.
var systemBundles = []string{
	"/etc/ssl/certs/ca-certificates.crt",
	"/etc/pki/tls/certs/ca-bundle.crt",
	"/etc/ssl/ca-bundle.pem",
	"/etc/ssl/cert.pem",
}

// caVariables name bundles of extra authorities in the tools that the user
// has set up for the same servers.
var caVariables = []string{"SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "NODE_EXTRA_CA_CERTS", "CURL_CA_BUNDLE"}

// authorities are this machine's CA roots, PEM: the proxy container has none.
func authorities() ([]byte, error) {
	var all bytes.Buffer
	for _, path := range systemBundles {
		if data, err := os.ReadFile(path); err == nil {
			all.Write(data)
			all.WriteByte('\n')
			break
		}
	}
	seen := map[string]bool{systemBundles[0]: true}
	for _, name := range caVariables {
		path := os.Getenv(name)
		if path == "" || seen[path] {
			continue
		}
		seen[path] = true
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("reading the certificate authorities of %s: %w", name, err)
		}
		all.Write(data)
		all.WriteByte('\n')
	}
	return all.Bytes(), nil
}
