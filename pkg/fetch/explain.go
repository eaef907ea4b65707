package fetch

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
)

func statusHint(code int) string {
	switch code {
	case http.StatusNotFound, http.StatusGone:
		return "the file is no longer there; the lock is probably too old"
	case http.StatusProxyAuthRequired:
		return "the proxy wants credentials; put them into its URL"
	case http.StatusTooManyRequests:
		return "the host limits how fast one may ask; try again later"
	}
	return ""
}

// proxyError is the answer of a proxy that would not connect us.
type proxyError struct{ status int }

func (e *proxyError) Error() string { return fmt.Sprintf("the proxy answered %d", e.status) }

// asError turns any error of a try into an *Error with a hint and with the
// decision whether another try makes sense.
func asError(tg *target, err error) *Error {
	e, ok := errors.AsType[*Error](err)
	if ok {
		// It may be somebody else's: the cause for which the context has ended.
		own := *e
		e = &own
	} else {
		e = &Error{Err: err, Permanent: hopeless(err)}
	}
	e.URL, e.Host = tg.redacted, printable(tg.host)
	if e.Hint == "" && e.Err != nil {
		e.Hint = hint(e.Err)
	}
	return e
}

// hopeless says that a network error will come again: it is about who the
// server is, not about the way to it.
func hopeless(err error) bool {
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return true
	}
	if e, ok := errors.AsType[*proxyError](err); ok {
		return e.status < 500 && e.status != http.StatusTooManyRequests
	}
	return errors.Is(err, errLocalAddress)
}

func hint(err error) string {
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return "add the certificate authority that signed it to the CA bundle"
	}
	if e, ok := errors.AsType[x509.CertificateInvalidError](err); ok && e.Reason == x509.Expired {
		return "check this machine's clock"
	}
	if e, ok := errors.AsType[*proxyError](err); ok {
		return statusHint(e.status)
	}
	if isProxy(err) {
		return "check the proxy settings (HTTP_PROXY, HTTPS_PROXY, NO_PROXY)"
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return "check the network and the name server; behind a proxy, set HTTPS_PROXY"
	}
	return ""
}

func isProxy(err error) bool {
	e, ok := errors.AsType[*net.OpError](err)
	return ok && e.Op == "proxyconnect"
}

// describe puts the errors that people meet into words. The rest speaks for
// itself. The caller escapes.
func describe(err error) string {
	if e, ok := errors.AsType[*net.DNSError](err); ok && !isProxy(err) {
		return "the host's name can't be resolved: " + e.Err
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return "the host's certificate is signed by an unknown authority"
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return "the host's certificate is for another name"
	}
	if isProxy(err) {
		return "the proxy can't be reached: " + err.Error()
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return "time ran out"
	}
	return err.Error()
}
