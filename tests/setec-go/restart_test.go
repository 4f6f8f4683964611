package setecgo

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tailscale/setec/client/setec"
	"github.com/tailscale/setec/types/api"
)

// process is a server of the test's own, which keeps what it has in a folder.
type process struct {
	command *exec.Cmd
	folder  string
	address string
	log     bytes.Buffer
}

const bearerToken = "st_a-token-of-a-test-and-of-nobody-else"

// start starts a server on a port that is free.
func start(t *testing.T) *process {
	t.Helper()
	p := &process{folder: t.TempDir(), address: "127.0.0.1:0"}
	for name, text := range map[string]string{
		"key":         base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32)) + "\n",
		"tokens.toml": fmt.Sprintf("[[token]]\nname = \"test\"\nsha256 = \"%x\"\n", sha256.Sum256([]byte(bearerToken))),
		"policy.toml": "[[grant]]\nprincipal = [\"token:test\"]\naction = [\"get\", \"put\", \"create-version\"]\nsecret = [\"*\"]\n",
	} {
		if err := os.WriteFile(filepath.Join(p.folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p.again(t)
	t.Cleanup(func() {
		p.end(t, syscall.SIGKILL)
		if t.Failed() {
			t.Logf("the server said:\n%s", p.log.String())
		}
	})
	return p
}

// again starts it with what it had, where it was.
func (p *process) again(t *testing.T) {
	t.Helper()
	in := func(name string) string { return filepath.Join(p.folder, name) }
	os.Remove(in("port"))
	p.command = exec.Command(secretary, "server", "--listen", p.address, "--state-dir", in("state"), "--key-file", in("key"),
		"--tokens", in("tokens.toml"), "--policy", in("policy.toml"), "--port-file", in("port"))
	p.command.Env, p.command.Stderr = []string{}, &p.log
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if port, err := os.ReadFile(in("port")); err == nil && len(port) > 0 {
			p.address = "127.0.0.1:" + strings.TrimSpace(string(port))
			return
		}
	}
	t.Fatal("the server did not start within 30 seconds")
}

func (p *process) end(t *testing.T, signal syscall.Signal) {
	t.Helper()
	p.command.Process.Signal(signal)
	if err := p.command.Wait(); err != nil && signal != syscall.SIGKILL {
		t.Errorf("the server ended with %v", err)
	}
}

func TestAStoreOutlivesItsServer(t *testing.T) {
	p := start(t)
	client := &http.Client{Transport: &bearing{token: bearerToken, next: new(http.Transport)}}
	s := &server{Client: setec.Client{Server: "http://" + p.address, DoHTTP: client.Do}}
	s.put(t, "alpha", "one", 1)
	store, _ := s.store(t, setec.StoreConfig{Secrets: []string{"alpha"}})
	alpha := checkSecret(t, store, "alpha", "one")
	see := func(want string) {
		t.Helper()
		if err := store.Refresh(t.Context()); err != nil || alpha.GetString() != want {
			t.Fatalf("got %q and error %v, want %q", alpha.GetString(), err, want)
		}
	}

	p.end(t, syscall.SIGTERM)
	if err := store.Refresh(t.Context()); err == nil || alpha.GetString() != "one" {
		t.Fatalf("got %q and error %v while there is no server", alpha.GetString(), err)
	}
	p.again(t)
	see("one")

	// What was answered is on the disk, and the connection that the client has kept is no trouble.
	s.put(t, "alpha", "two", 2)
	s.create(t, "alpha", 3, "three")
	p.end(t, syscall.SIGKILL)
	p.again(t)
	see("three")
	s.has(t, "alpha", 2, "two")

	for version := api.SecretVersion(4); version < 7; version++ {
		value := fmt.Sprint("value ", version)
		s.create(t, "alpha", version, value)
		p.end(t, syscall.SIGTERM)
		p.again(t)
		see(value)
	}
}
