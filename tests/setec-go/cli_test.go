package setecgo

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// ran is what came of a run of setec's program.
type ran struct {
	stdout, stderr string
	code           int
}

// setec runs setec's program with nothing of this process's surroundings but where the server is.
func (s *server) setec(t *testing.T, stdin string, args ...string) ran {
	t.Helper()
	command := exec.CommandContext(t.Context(), setecCLI, args...)
	command.Env = []string{"SETEC_SERVER=" + s.url, "HOME=" + t.TempDir(), "SSL_CERT_FILE=" + os.Getenv("SECRETARY_SETEC_CA_FILE")}
	command.Stdin = strings.NewReader(stdin)
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := command.Run(); err != nil && command.ProcessState == nil {
		t.Fatal(err)
	}
	return ran{stdout.String(), stderr.String(), command.ProcessState.ExitCode()}
}

// says fails the test unless a run succeeded with exactly this output.
func (s *server) says(t *testing.T, stdout, stderr, stdin string, args ...string) {
	t.Helper()
	want := ran{stdout, stderr, 0}
	if got := s.setec(t, stdin, args...); got != want {
		t.Fatalf("setec %q: got %+v, want %+v", args, got, want)
	}
}

// fails fails the test unless a run failed, with an error that ends so and no output.
func (s *server) fails(t *testing.T, message, stdin string, args ...string) {
	t.Helper()
	got := s.setec(t, stdin, args...)
	if got.code != 1 || got.stdout != "" || !strings.HasSuffix(got.stderr, "Error: "+message+"\n") {
		t.Fatalf("setec %q: got %+v, want the error %q", args, got, message)
	}
}

// The program itself over TLS, on which it has no way to say who calls.
func TestCLIOfANobody(t *testing.T) {
	onEachWithCallers(t, func(t *testing.T, s *server) {
		unknown := *s
		unknown.url = s.others.unknown.Server
		internal := `request returned status 500: "unable to identify caller"`
		unknown.fails(t, "failed to list secrets: "+internal, "", "list")
		unknown.fails(t, "failed to get secret: "+internal, "", "get", "alpha")
	})
}

func saved(name string, version int) string {
	text := fmt.Sprintf("Secret saved as %q, version %d\n", name, version)
	if version > 1 {
		text += fmt.Sprintf("  To activate this version, run 'setec activate %q %d'\n", name, version)
	}
	return text
}

func read(n int) string { return fmt.Sprintf("Read %d bytes from stdin\n", n) }

func TestCLIListAndInfo(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		s.says(t, "NAME ACTIVE VERSIONS\n", "", "", "list")
		s.fails(t, "failed to get secret info: not found", "", "info", "alpha")
		s.put(t, "alpha", "one", 1)
		s.put(t, "alpha", "two", 2)
		s.create(t, "a/longer name/ü", 123456, "one")
		s.create(t, "alpha", 20, "three")
		s.says(t, "NAME            ACTIVE VERSIONS\n"+
			"a/longer name/ü 123456 123456\n"+
			"alpha           20     1,2,20\n", "", "", "list")
		s.says(t, "Name:           alpha\nActive version: 20\nVersions:       1, 2, 20\n", "", "", "info", "alpha")
		s.says(t, "Name:           alpha\nActive version: 20\nVersions:       1, 2, 20\n", "", "", "-s", s.url+"/", "info", "alpha")
		if got := s.setec(t, "", "info"); got.code != 2 {
			t.Errorf("without a name: %+v", got)
		}
	})
}

func TestCLIGet(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		s.put(t, "alpha", "one", 1)
		s.put(t, "alpha", " \x00\xff\n", 2)
		s.put(t, "empty", "", 1)
		s.says(t, "one", "", "", "get", "alpha")
		s.says(t, " \x00\xff\n", "", "", "get", "--version", "2", "alpha")
		s.says(t, "one", "", "", "get", "--version=0", "alpha")
		s.says(t, "", "", "", "get", "empty")
		s.says(t, "one", "", "", "get", "--if-changed", "alpha")
		s.says(t, "one", "", "", "get", "--if-changed", "--version=2", "alpha")
		s.fails(t, "failed to get secret: value not changed", "", "get", "--if-changed", "--version=1", "alpha")
		s.fails(t, "failed to get secret: not found", "", "get", "--version=3", "alpha")
		s.fails(t, "failed to get secret: not found", "", "get", "nonesuch")
	})
}

func TestCLIPut(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		file := func(text string) string {
			path := filepath.Join(t.TempDir(), "value")
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			return path
		}
		spaces := "text value has surrounding whitespace, specify --verbatim to keep the space or --trim-space to remove it"
		s.says(t, saved("alpha", 1), read(3), "one", "put", "alpha")
		s.says(t, saved("alpha", 1), read(3), "one", "put", "alpha")
		s.says(t, saved("alpha", 2), read(3), "two", "put", "alpha")
		s.says(t, saved("alpha", 3), "", "", "put", "--from-file", file("three"), "alpha")
		s.fails(t, spaces, "four\n", "put", "alpha")
		s.fails(t, spaces, "", "put", "--from-file", file("\u00a0four"), "alpha")
		s.says(t, saved("alpha", 4), read(5), "four\n", "put", "--verbatim", "alpha")
		s.says(t, saved("alpha", 5), read(4), "\tfour\n", "put", "--trim-space", "alpha")
		s.says(t, saved("alpha", 6), "", "", "put", "--verbatim", "--trim-space", "--from-file", file(" six "), "alpha")
		s.says(t, saved("alpha", 7), read(3), " \xff\n", "put", "--trim-space", "alpha")
		s.fails(t, "empty secret value", "", "put", "alpha")
		s.fails(t, "empty secret value", " \n", "put", "--trim-space", "alpha")
		s.says(t, saved("alpha", 8), read(0), "", "put", "--empty-ok", "alpha")
		for i, want := range []string{"one", "two", "three", "four\n", "four", " six ", " \xff\n", ""} {
			s.says(t, want, "", "", "get", "--version", fmt.Sprint(i+1), "alpha")
		}
		large := strings.Repeat("x", 1<<20)
		s.says(t, saved("large", 1), read(len(large)), large, "put", "large")
		s.says(t, large, "", "", "get", "large")
		s.says(t, saved(`a "b"/ü`, 1), read(1), "v", "put", `a "b"/ü`)
		s.fails(t, `failed to write secret: request returned status 500: "internal error"`, "", "put", "--from-file", file("v"), "")
		s.fails(t, `failed to write secret: request returned status 500: "internal error"`, "", "put", "--from-file", file("v"), "_internal/x")
	})
}

func TestCLIActivate(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		s.put(t, "alpha", "one", 1)
		s.put(t, "alpha", "two", 2)
		s.says(t, "", "", "", "activate", "alpha", "2")
		s.says(t, "two", "", "", "get", "alpha")
		s.says(t, "", "", "", "activate", "alpha", "2")
		s.fails(t, "failed to set active version: not found", "", "activate", "alpha", "3")
		s.fails(t, "failed to set active version: not found", "", "activate", "nonesuch", "1")
		s.fails(t, `failed to set active version: request returned status 500: "internal error"`, "", "activate", "alpha", "0")
		s.isActive(t, "alpha", 2, "two")
	})
}

var token = regexp.MustCompile(`use token "([0-9a-f]+\.[0-9a-f]{16})"\n$`)

// confirmed runs a command that wants to be confirmed: without a token, with a wrong one, and with the one it asks for.
func (s *server) confirmed(t *testing.T, request string, args ...string) ran {
	t.Helper()
	asked := func(message string, args ...string) string {
		t.Helper()
		got := s.setec(t, "", args...)
		found := token.FindStringSubmatch(got.stderr)
		if found == nil || got.code != 1 || got.stdout != "" || !strings.Contains(got.stderr, fmt.Sprintf("%s for %q, ", message, request)) {
			t.Fatalf("setec %q: got %+v", args, got)
		}
		return found[1]
	}
	asked("confirmation required", args...)
	answer := asked("incorrect confirmation", append(args, "1.0000000000000000")...)
	got := s.setec(t, "", append(args, answer)...)
	// A token is good until the minute ends, which may be now.
	if strings.Contains(got.stderr, "incorrect confirmation") {
		got = s.setec(t, "", append(args, token.FindStringSubmatch(got.stderr)[1])...)
	}
	return got
}

func TestCLIDelete(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		ended := func(got ran, code int, message string) {
			t.Helper()
			if got.code != code || got.stdout != "" || !strings.HasSuffix(got.stderr, message) || code == 0 && got.stderr != "" {
				t.Fatalf("got %+v, want exit code %d and %q", got, code, message)
			}
		}
		s.put(t, "a b", "one", 1)
		s.put(t, "a b", "two", 2)
		s.put(t, "other", "one", 1)
		ended(s.confirmed(t, "delete-version:a b:2", "delete-version", "a b", "2"), 0, "")
		s.says(t, "Name:           a b\nActive version: 1\nVersions:       1\n", "", "", "info", "a b")
		ended(s.confirmed(t, "delete-version:a b:2", "delete-version", "a b", "2"), 1,
			"Error: failed to delete secret \"a b\" version 2: not found\n")
		ended(s.confirmed(t, "delete-version:a b:1", "delete-version", "a b", "1"), 1,
			"Error: failed to delete secret \"a b\" version 1: request returned status 500: \"internal error\"\n")
		ended(s.confirmed(t, "delete-secret:a b", "delete", "a b"), 0, "")
		s.says(t, "NAME  ACTIVE VERSIONS\nother 1      1\n", "", "", "list")
		ended(s.confirmed(t, "delete-secret:a b", "delete", "a b"), 0, "")
		s.says(t, saved("a b", 1), read(3), "new", "put", "a b")
	})
}
