// Package setecgo has setec's own client talk to servers of its API: to `secretary server`, and to setec's server, which shows
// that a test asks for what setec does and not for what we think it does.
//
// SECRETARY_SETEC_URL names a server that is empty and that everybody may use, as `secretary server --dev` is;
// SECRETARY_SETEC_CLI setec's program. SECRETARY_SETEC_TLS_URL may name another server, with SECRETARY_SETEC_CA_FILE and
// SECRETARY_SETEC_TOKEN_FILE for a caller who may do everything there. scripts/interop sets them. Each test is run for each
// server: `go test -run /setec` runs all of them against setec's alone.
package setecgo

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"testing"

	"github.com/tailscale/setec/client/setec"
	"github.com/tailscale/setec/setectest"
	"github.com/tailscale/setec/types/api"
)

// A server, empty when a test begins.
type server struct {
	setec.Client
	// url is for those who can't send what DoHTTP adds.
	url string
}

// A target opens a server for as long as a test runs.
type target struct {
	name string
	open func(t *testing.T) *server
}

// The servers, setec's own last.
var targets []target

// setecCLI is the path of setec's program.
var setecCLI string

func TestMain(m *testing.M) {
	if err := findTargets(); err != nil {
		fmt.Fprintln(os.Stderr, "tests/setec-go:", err)
		os.Exit(2)
	}
	os.Exit(m.Run())
}

func findTargets() error {
	setecCLI = os.Getenv("SECRETARY_SETEC_CLI")
	address := os.Getenv("SECRETARY_SETEC_URL")
	if address == "" || setecCLI == "" {
		return errors.New("SECRETARY_SETEC_URL and SECRETARY_SETEC_CLI have to be set; scripts/interop does that")
	}
	plain := setec.Client{Server: address, DoHTTP: new(http.Client).Do}
	if err := addShared("secretary", plain, func(*testing.T) string { return address }); err != nil {
		return err
	}
	if address := os.Getenv("SECRETARY_SETEC_TLS_URL"); address != "" {
		transport, err := authenticated(os.Getenv("SECRETARY_SETEC_CA_FILE"), os.Getenv("SECRETARY_SETEC_TOKEN_FILE"))
		if err != nil {
			return err
		}
		client := setec.Client{Server: address, DoHTTP: (&http.Client{Transport: transport}).Do}
		passOn := func(t *testing.T) string { return relay(t, address, transport) }
		if err := addShared("secretary-tls", client, passOn); err != nil {
			return err
		}
	}
	targets = append(targets, target{"setec", openSetec})
	return nil
}

// addShared adds a server that outlives the tests. Each of them finds it empty and deletes all there is, and so
// that this happens nowhere else, it has to be empty now.
func addShared(name string, client setec.Client, address func(t *testing.T) string) error {
	secrets, err := client.List(context.Background())
	if err != nil {
		return fmt.Errorf("%s does not answer: %w", client.Server, err)
	}
	if len(secrets) > 0 {
		return fmt.Errorf("%s has secrets, and these tests delete all there is: they need a server of their own", client.Server)
	}
	targets = append(targets, target{name, func(t *testing.T) *server {
		s := &server{Client: client, url: address(t)}
		s.clear(t)
		t.Cleanup(func() { s.clear(t) })
		return s
	}})
	return nil
}

// authenticated trusts the authority in a file, and shows the token in another.
func authenticated(authority, token string) (http.RoundTripper, error) {
	pem, err := os.ReadFile(authority)
	if err != nil {
		return nil, err
	}
	bearer, err := os.ReadFile(token)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s has no certificate", authority)
	}
	return &bearing{
		token: string(bytes.TrimSpace(bearer)),
		next:  &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true},
	}, nil
}

// bearing adds a token to requests, as a program would with setec's client.
type bearing struct {
	token string
	next  http.RoundTripper
}

func (b *bearing) RoundTrip(request *http.Request) (*http.Response, error) {
	request = request.Clone(request.Context())
	request.Header.Set("Authorization", "Bearer "+b.token)
	return b.next.RoundTrip(request)
}

// relay is the address of a server that passes requests on: setec's program has no way to show a token.
func relay(t *testing.T, address string, transport http.RoundTripper) string {
	t.Helper()
	to, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{
		Rewrite:   func(request *httputil.ProxyRequest) { request.SetURL(to) },
		Transport: transport,
	}
	hs := httptest.NewServer(proxy)
	t.Cleanup(hs.Close)
	return hs.URL
}

func (s *server) clear(t *testing.T) {
	t.Helper()
	// A test's own context has ended by now.
	ctx := context.Background()
	secrets, err := s.List(ctx)
	if err != nil {
		t.Fatalf("List: %v", err)
	}
	for _, secret := range secrets {
		if err := s.Delete(ctx, secret.Name); err != nil {
			t.Errorf("Delete %q: %v", secret.Name, err)
		}
	}
}

func openSetec(t *testing.T) *server {
	t.Helper()
	hs := httptest.NewServer(setectest.NewServer(t, setectest.NewDB(t, nil), nil).Mux)
	t.Cleanup(hs.Close)
	return &server{Client: setec.Client{Server: hs.URL, DoHTTP: hs.Client().Do}, url: hs.URL}
}

// onEach runs a test against each server.
func onEach(t *testing.T, test func(t *testing.T, s *server)) {
	for _, one := range targets {
		t.Run(one.name, func(t *testing.T) { test(t, one.open(t)) })
	}
}

// put saves a value and fails the test when it does not become that version.
func (s *server) put(t *testing.T, name, value string, want api.SecretVersion) {
	t.Helper()
	if got, err := s.Put(t.Context(), name, []byte(value)); err != nil || got != want {
		t.Fatalf("Put %q: version %d and error %v, want version %d", name, got, err, want)
	}
}

func (s *server) create(t *testing.T, name string, version api.SecretVersion, value string) {
	t.Helper()
	if err := s.CreateVersion(t.Context(), name, version, []byte(value)); err != nil {
		t.Fatalf("CreateVersion %q %d: %v", name, version, err)
	}
}

func (s *server) activate(t *testing.T, name string, version api.SecretVersion) {
	t.Helper()
	if err := s.Activate(t.Context(), name, version); err != nil {
		t.Fatalf("Activate %q %d: %v", name, version, err)
	}
}

// isActive fails the test unless a plain Get gives this version and value.
func (s *server) isActive(t *testing.T, name string, version api.SecretVersion, value string) {
	t.Helper()
	got, err := s.Get(t.Context(), name)
	checkValue(t, got, err, version, value)
}

// has fails the test unless a version has this value.
func (s *server) has(t *testing.T, name string, version api.SecretVersion, value string) {
	t.Helper()
	got, err := s.GetVersion(t.Context(), name, version)
	checkValue(t, got, err, version, value)
}

func checkValue(t *testing.T, got *api.SecretValue, err error, version api.SecretVersion, value string) {
	t.Helper()
	switch {
	case err != nil:
		t.Fatalf("error %v, want version %d", err, version)
	case got.Version != version:
		t.Fatalf("version %d, want %d", got.Version, version)
	case string(got.Value) != value:
		t.Fatalf("version %d is %.80q, want %.80q", version, got.Value, value)
	}
}

func checkError(t *testing.T, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Fatalf("error %v, want %v", got, want)
	}
}

// checkRefused is for what setec has no error of its own for: such an error is the status and the text of the answer.
func checkRefused(t *testing.T, err error, status int, text string) {
	t.Helper()
	want := fmt.Sprintf("request returned status %d: %q", status, text)
	if err == nil || err.Error() != want {
		t.Fatalf("error %v, want %s", err, want)
	}
}
