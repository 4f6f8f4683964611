// Package setecgo has setec's own client talk to servers of its API: to `secretary server`, and to setec's server, which shows
// that a test asks for what setec does and not for what we think it does.
//
// scripts/interop sets what these tests need: SECRETARY_SETEC_URL is a server that everybody may use, as `secretary server --dev`
// is; SECRETARY_SETEC_TLS_URL one over TLS that trusts nobody without a token, SECRETARY_SETEC_CA_FILE its authority. In
// SECRETARY_SETEC_TOKEN_FILE is the token of a caller who may do everything there, in SECRETARY_SETEC_LIMITED_TOKEN_FILE that of
// one who may get, info and delete ok/*. Both servers have to be empty.
// SECRETARY_SETEC_CLI is setec's program, SECRETARY_SETEC_PROGRAM ours.
//
// Each test is run for each server: `go test -run /setec` runs all of them against setec's alone.
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
	setecserver "github.com/tailscale/setec/server"
	"github.com/tailscale/setec/setectest"
	"github.com/tailscale/setec/types/api"
	"tailscale.com/client/tailscale/apitype"
	"tailscale.com/tailcfg"
)

// A server, empty when a test begins.
type server struct {
	// Client is that of a caller who may do everything.
	setec.Client
	// url is for those who can't send what DoHTTP adds.
	url string
	// others are there unless everybody may do everything.
	others *others
}

// Callers with fewer rights.
type others struct {
	// limited may get, info and delete ok/*.
	limited setec.Client
	// unknown is known to nobody.
	unknown setec.Client
}

// A target opens a server for as long as a test runs.
type target struct {
	name string
	open func(t *testing.T) *server
}

// The servers, setec's own last.
var targets []target

// The paths of setec's program and of ours.
var setecCLI, secretary string

func TestMain(m *testing.M) {
	if err := findTargets(); err != nil {
		fmt.Fprintln(os.Stderr, "tests/setec-go:", err)
		os.Exit(2)
	}
	os.Exit(m.Run())
}

func findTargets() error {
	settings := make(map[string]string)
	for _, name := range []string{"CLI", "PROGRAM", "URL", "TLS_URL", "CA_FILE", "TOKEN_FILE", "LIMITED_TOKEN_FILE"} {
		if settings[name] = os.Getenv("SECRETARY_SETEC_" + name); settings[name] == "" {
			return fmt.Errorf("SECRETARY_SETEC_%s is not set; scripts/interop sets what these tests need", name)
		}
	}
	setecCLI, secretary = settings["CLI"], settings["PROGRAM"]
	plain := settings["URL"]
	client := setec.Client{Server: plain, DoHTTP: new(http.Client).Do}
	if err := addShared("secretary", server{Client: client}, func(*testing.T) string { return plain }); err != nil {
		return err
	}
	trusting, err := trusting(settings["CA_FILE"])
	if err != nil {
		return err
	}
	bearer := func(file string) (http.RoundTripper, error) {
		token, err := os.ReadFile(settings[file])
		return &bearing{token: string(bytes.TrimSpace(token)), next: trusting}, err
	}
	full, err := bearer("TOKEN_FILE")
	if err != nil {
		return err
	}
	limited, err := bearer("LIMITED_TOKEN_FILE")
	if err != nil {
		return err
	}
	with := func(transport http.RoundTripper) setec.Client {
		return setec.Client{Server: settings["TLS_URL"], DoHTTP: (&http.Client{Transport: transport}).Do}
	}
	known := server{Client: with(full), others: &others{limited: with(limited), unknown: with(trusting)}}
	passOn := func(t *testing.T) string { return relay(t, settings["TLS_URL"], full) }
	if err := addShared("secretary-tls", known, passOn); err != nil {
		return err
	}
	targets = append(targets, target{"setec", openSetec})
	return nil
}

// addShared adds a server that outlives the tests. Each of them finds it empty and deletes all there is, and so
// that this happens nowhere else, it has to be empty now.
func addShared(name string, one server, address func(t *testing.T) string) error {
	secrets, err := one.List(context.Background())
	if err != nil {
		return fmt.Errorf("%s does not answer: %w", one.Server, err)
	}
	if len(secrets) > 0 {
		return fmt.Errorf("%s has secrets, and these tests delete all there is: they need a server of their own", one.Server)
	}
	targets = append(targets, target{name, func(t *testing.T) *server {
		s := one
		s.url = address(t)
		s.clear(t)
		t.Cleanup(func() { s.clear(t) })
		return &s
	}})
	return nil
}

// trusting speaks TLS with servers of the authority in a file.
func trusting(authority string) (*http.Transport, error) {
	pem, err := os.ReadFile(authority)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s has no certificate", authority)
	}
	return &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}, nil
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
	db := setectest.NewDB(t, nil)
	client := func(who func(context.Context, string) (*apitype.WhoIsResponse, error)) setec.Client {
		hs := httptest.NewServer(setectest.NewServer(t, db, &setectest.ServerOptions{WhoIs: who}).Mux)
		t.Cleanup(hs.Close)
		return setec.Client{Server: hs.URL, DoHTTP: hs.Client().Do}
	}
	all := client(setectest.AllAccess)
	limited := client(func(context.Context, string) (*apitype.WhoIsResponse, error) {
		rule := tailcfg.RawMessage(`{"action":["get","info","delete"],"secret":["ok/*"]}`)
		return &apitype.WhoIsResponse{
			Node:        &tailcfg.Node{Name: "limited.example.com."},
			UserProfile: &tailcfg.UserProfile{LoginName: "limited@example.com"},
			CapMap:      tailcfg.PeerCapMap{setecserver.ACLCap: []tailcfg.RawMessage{rule}},
		}, nil
	})
	unknown := client(func(context.Context, string) (*apitype.WhoIsResponse, error) {
		return nil, errors.New("nobody has this address")
	})
	return &server{Client: all, url: all.Server, others: &others{limited, unknown}}
}

// onEach runs a test against each server.
func onEach(t *testing.T, test func(t *testing.T, s *server)) {
	for _, one := range targets {
		t.Run(one.name, func(t *testing.T) { test(t, one.open(t)) })
	}
}

// onEachWithCallers does so where callers have rights of their own.
func onEachWithCallers(t *testing.T, test func(t *testing.T, s *server)) {
	onEach(t, func(t *testing.T, s *server) {
		if s.others != nil {
			test(t, s)
		}
	})
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
