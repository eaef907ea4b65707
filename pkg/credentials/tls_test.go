package credentials

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lazybuild/lazybuild/pkg/plan"
)

// pair is a certificate and its key, PEM.
var pair = sync.OnceValue(func() [2]string {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "a client"},
		NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<32, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	secret, _ := x509.MarshalPKCS8PrivateKey(key)
	return [2]string{
		string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})),
	}
})

// Shows S54.
func TestClientCertificatesAreFound(t *testing.T) {
	cert, key := pair()[0], pair()[1]
	entitled := map[string]string{
		"/etc/pki/entitlement/42.pem": cert, "/etc/pki/entitlement/42-key.pem": key, "/etc/rhsm/ca/uep.pem": cert,
		"/etc/rhsm/rhsm.conf": "[rhsm]\nbaseurl = https://cdn.example.org\nca_cert_dir = /etc/rhsm/ca/\nrepo_ca_cert = %(ca_cert_dir)suep.pem\n",
	}
	with := func(files map[string]string, name, text string) map[string]string {
		out := map[string]string{name: text}
		for k, v := range files {
			out[k] = v
		}
		return out
	}
	repo := "[a]\nbaseurl = https://cdn.example.org/content/$basearch/os\nsslclientcert = /etc/pki/entitlement/42.pem\nsslclientkey = /etc/pki/entitlement/42-key.pem\nsslcacert = /etc/rhsm/ca/uep.pem\n"
	for name, tt := range map[string]struct {
		world
		want []string
	}{
		"lazybuild.toml": {world{
			files: map[string]string{"~/c.pem": cert, "~/k.pem": key},
			more: func(o *Options) {
				o.Hosts = []plan.Host{{Host: "cdn.example.org", Cert: "~/c.pem", Key: "~/k.pem", CA: "~/c.pem", File: "lazybuild.toml", Line: 1}}
			},
		}, []string{"cdn.example.org cert ca (lazybuild.toml:1)"}},
		"one file with both": {world{
			files: map[string]string{"~/c.pem": cert + key},
			more: func(o *Options) {
				o.Hosts = []plan.Host{{Host: "cdn.example.org", Cert: "~/c.pem", File: "lazybuild.toml", Line: 1}}
			},
		}, []string{"cdn.example.org cert (lazybuild.toml:1)"}},
		"npm": {world{
			files: map[string]string{"~/.npmrc": "//cdn.example.org/:certfile=~/c.pem\n//cdn.example.org/:keyfile=~/k.pem\n", "~/c.pem": cert, "~/k.pem": key},
		}, []string{"cdn.example.org:443 cert (~/.npmrc:1)"}},
		"a project's repository": {world{
			files: entitled, more: func(o *Options) { o.ReposD = map[string][]byte{"own.repo": []byte(repo)} },
		}, []string{"cdn.example.org:443/content cert ca (own.repo:2)", "cdn.example.org:443 cert ca (ROOT/etc/pki/entitlement/42.pem)"}},
		"a machine's repository": {
			world{files: with(entitled, "/etc/yum.repos.d/redhat.repo", repo)},
			[]string{"cdn.example.org:443/content cert ca (ROOT/etc/yum.repos.d/redhat.repo:2)", "cdn.example.org:443 cert ca (ROOT/etc/pki/entitlement/42.pem)"},
		},
		"the entitlement alone": {world{files: entitled}, []string{"cdn.example.org:443 cert ca (ROOT/etc/pki/entitlement/42.pem)"}},
		"a repository of a variable name": {
			world{files: with(entitled, "/etc/yum.repos.d/other.repo", strings.ReplaceAll(repo, "/content/", "/other"))},
			[]string{"cdn.example.org:443 cert ca (ROOT/etc/yum.repos.d/other.repo:2)", "cdn.example.org:443 cert ca (ROOT/etc/pki/entitlement/42.pem)"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			tt.urls = []string{"https://cdn.example.org/content/x86_64/os/a.rpm"}
			r, dir, err := tt.gather(t)
			if err != nil {
				t.Fatal(err)
			}
			got := strings.ReplaceAll(strings.Join(lines(r.Credentials), "\n"), dir+"/root", "ROOT")
			if want := strings.Join(tt.want, "\n"); got != want {
				t.Errorf("found\n%s\nwant\n%s\nwarnings %q", got, want, r.Warnings)
			}
		})
	}
}

func TestAnUnusableCertificateIsAnErrorWithoutTheKey(t *testing.T) {
	cert, key := pair()[0], pair()[1]
	for name, tt := range map[string]struct {
		host plan.Host
		want string
	}{
		"no key":        {plan.Host{Cert: "~/c.pem", Key: "~/none.pem"}, "none.pem: no such file"},
		"other key":     {plan.Host{Cert: "~/c.pem", Key: "~/c.pem"}, "the client certificate"},
		"encrypted key": {plan.Host{Cert: "~/c.pem", Key: "~/enc.pem"}, "passphrase"},
		"no authority":  {plan.Host{CA: "~/k.pem"}, "holds no certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			tt.host.Host, tt.host.File, tt.host.Line = "example.org", "lazybuild.toml", 5
			_, _, err := world{
				urls:  []string{"https://example.org/a"},
				files: map[string]string{"~/c.pem": cert, "~/k.pem": key, "~/enc.pem": "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"},
				more:  func(o *Options) { o.Hosts = []plan.Host{tt.host} },
			}.gather(t)
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "lazybuild.toml:5") {
				t.Errorf("the error is %v, want %q in it", err, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), strings.Split(key, "\n")[1]) {
				t.Errorf("the error holds the key: %v", err)
			}
		})
	}
}
