package setecgo

import (
	"bytes"
	"context"
	"math/rand"
	"reflect"
	"strconv"
	"sync"
	"testing"

	"github.com/tailscale/setec/types/api"
)

func TestListHasWhatThereIsSortedByName(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		check := func(want ...*api.SecretInfo) {
			t.Helper()
			if got, err := s.List(t.Context()); err != nil || !reflect.DeepEqual(got, want) {
				t.Fatalf("got %v and error %v, want %v", got, err, want)
			}
		}
		info := func(name string, active api.SecretVersion, versions ...api.SecretVersion) *api.SecretInfo {
			return &api.SecretInfo{Name: name, Versions: versions, ActiveVersion: active}
		}
		check()
		s.put(t, "test", "foo", 1)
		check(info("test", 1, 1))
		s.put(t, "test", "bar", 2)
		check(info("test", 1, 1, 2))
		s.put(t, "test2", "quux", 1)
		check(info("test", 1, 1, 2), info("test2", 1, 1))
		s.activate(t, "test", 2)
		check(info("test", 2, 1, 2), info("test2", 1, 1))
		// By bytes, and versions as numbers.
		for _, name := range []string{"é", "Z", "test/1", "test 1"} {
			s.put(t, name, "v", 1)
		}
		s.create(t, "Z", 100, "w")
		s.create(t, "Z", 20, "x")
		check(info("Z", 20, 1, 20, 100), info("test", 2, 1, 2), info("test 1", 1, 1), info("test/1", 1, 1),
			info("test2", 1, 1), info("é", 1, 1))
	})
}

func TestGetIfChangedLooksAtTheActiveVersionAlone(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		ctx := t.Context()
		s.put(t, "test", "v1", 1)
		s.put(t, "test", "v2", 2)
		s.isActive(t, "test", 1, "v1")
		_, err := s.GetIfChanged(ctx, "test", 1)
		checkError(t, err, api.ErrValueNotChanged)
		s.activate(t, "test", 2)
		got, err := s.GetIfChanged(ctx, "test", 1)
		checkValue(t, got, err, 2, "v2")
		_, err = s.GetIfChanged(ctx, "test", 2)
		checkError(t, err, api.ErrValueNotChanged)
		// One that there never was is another than the active one, and 0 is none.
		for _, known := range []api.SecretVersion{0, 3, 4294967295} {
			got, err = s.GetIfChanged(ctx, "test", known)
			checkValue(t, got, err, 2, "v2")
		}
		_, err = s.GetIfChanged(ctx, "nonesuch", 1)
		checkError(t, err, api.ErrNotFound)
	})
}

func TestWhatIsNotThereIsNotFound(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		ctx := t.Context()
		s.put(t, "test", "v", 1)
		_, err := s.Get(ctx, "nonesuch")
		checkError(t, err, api.ErrNotFound)
		_, err = s.Get(ctx, "")
		checkError(t, err, api.ErrNotFound)
		_, err = s.GetVersion(ctx, "nonesuch", 1)
		checkError(t, err, api.ErrNotFound)
		_, err = s.GetVersion(ctx, "test", 2)
		checkError(t, err, api.ErrNotFound)
		_, err = s.Info(ctx, "nonesuch")
		checkError(t, err, api.ErrNotFound)
		_, err = s.Info(ctx, "")
		checkError(t, err, api.ErrNotFound)
		checkError(t, s.Activate(ctx, "nonesuch", 1), api.ErrNotFound)
		checkError(t, s.Activate(ctx, "test", 2), api.ErrNotFound)
		checkError(t, s.DeleteVersion(ctx, "nonesuch", 1), api.ErrNotFound)
		checkError(t, s.DeleteVersion(ctx, "test", 2), api.ErrNotFound)
		checkError(t, s.DeleteVersion(ctx, "", 1), api.ErrNotFound)
	})
}

func TestWhatHasNoErrorOfItsOwnIsRefusedInTheSameWords(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		ctx := t.Context()
		internal := func(err error) {
			t.Helper()
			checkRefused(t, err, 500, "internal error")
		}
		s.put(t, "test", "v", 1)
		_, err := s.Put(ctx, "", []byte("v"))
		internal(err)
		internal(s.CreateVersion(ctx, "", 1, []byte("v")))
		internal(s.Activate(ctx, "", 1))
		internal(s.Activate(ctx, "test", 0))
		internal(s.DeleteVersion(ctx, "test", 0))
		internal(s.DeleteVersion(ctx, "", 0))
		internal(s.DeleteVersion(ctx, "test", 1))
		zero := "invalid version, please specify a version > 0"
		checkRefused(t, s.CreateVersion(ctx, "test", 0, []byte("v")), 400, zero)
		checkRefused(t, s.CreateVersion(ctx, "nonesuch", 0, []byte("v")), 400, zero)
		internal(s.CreateVersion(ctx, "", 0, []byte("v")))
		// Names of the server's own.
		_, err = s.Put(ctx, "_internal/x", []byte("v"))
		internal(err)
		internal(s.Activate(ctx, "_internal/x", 1))
		internal(s.Delete(ctx, "_internal/x"))
		internal(s.DeleteVersion(ctx, "_internal/x", 1))
		_, err = s.Get(ctx, "_internal/x")
		checkError(t, err, api.ErrNotFound)
		_, err = s.Info(ctx, "_internal/x")
		checkError(t, err, api.ErrNotFound)
		s.put(t, "_internal", "v", 1)
		s.isActive(t, "test", 1, "v")
	})
}

func TestAnyBytesAreAValue(t *testing.T) {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	large := make([]byte, 1<<20)
	rand.New(rand.NewSource(1)).Read(large)
	values := map[string][]byte{
		"empty": {}, "none": nil, "zero": {0}, "newlines": []byte("\r\n\n"), "text": []byte("<pä$$>&\"\\\u2028"), "all": all,
		"not UTF-8": {0xff, 0xfe, 0xc3}, "a mebibyte": large, "zeros": bytes.Repeat([]byte{0}, 1<<20),
	}
	onEach(t, func(t *testing.T, s *server) {
		for name, value := range values {
			s.put(t, name, string(value), 1)
			s.create(t, name, 7, string(value))
		}
		for name, value := range values {
			s.has(t, name, 1, string(value))
			s.isActive(t, name, 7, string(value))
		}
		// One that is empty, and not none: so is it with setec.
		got, err := s.Get(t.Context(), "none")
		if err != nil || got.Value == nil {
			t.Fatalf("got %v and error %v, want an empty value", got, err)
		}
	})
}

func TestPutOfTheEmptyValueComparesAsAnyOther(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		s.put(t, "test", "", 1)
		s.put(t, "test", "", 1)
		s.put(t, "test", "v", 2)
		s.put(t, "test", "", 3)
		s.put(t, "test", "", 3)
	})
}

func TestNamesAreKeptAsTheyAre(t *testing.T) {
	names := []string{
		"a", "A", "a/b/c", "/a", "a/", "//", "..", "../../etc/passwd", "a b", " ", " a ", "*", "a*", "?", "[a-z]", "%2f", "a%",
		"<script>&amp;", "\"'`\\", "ü", "u\u0308", "日本語", "🔑", "\u2028", "a:b", "-", "--version", "$HOME", "null", "0",
	}
	onEach(t, func(t *testing.T, s *server) {
		ctx := t.Context()
		for _, name := range names {
			s.put(t, name, "value of "+name, 1)
		}
		for _, name := range names {
			s.isActive(t, name, 1, "value of "+name)
			want := &api.SecretInfo{Name: name, Versions: []api.SecretVersion{1}, ActiveVersion: 1}
			if got, err := s.Info(ctx, name); err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("Info %q: got %v and error %v", name, got, err)
			}
		}
		if list, err := s.List(ctx); err != nil || len(list) != len(names) {
			t.Errorf("List has %d secrets and error %v, want %d", len(list), err, len(names))
		}
		for i, name := range names {
			if err := s.Delete(ctx, name); err != nil {
				t.Errorf("Delete %q: %v", name, err)
			}
			if list, err := s.List(ctx); err != nil || len(list) != len(names)-i-1 {
				t.Errorf("after Delete %q there are %d secrets, error %v", name, len(list), err)
			}
		}
	})
}

func TestManyClientsAtOnce(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		const clients, puts = 16, 8
		var all sync.WaitGroup
		for client := range clients {
			all.Go(func() {
				for i := range puts {
					value := []byte(strconv.Itoa(client*puts + i))
					version, err := s.Put(context.Background(), "shared", value)
					if err != nil {
						t.Errorf("Put: %v", err)
						return
					}
					got, err := s.GetVersion(context.Background(), "shared", version)
					if err != nil || !bytes.Equal(got.Value, value) {
						t.Errorf("version %d is %v with error %v, and %q was put", version, got, err, value)
					}
				}
			})
		}
		all.Wait()
		info, err := s.Info(t.Context(), "shared")
		if err != nil || len(info.Versions) != clients*puts || info.ActiveVersion != 1 {
			t.Errorf("got %v and error %v, want %d versions with the first active", info, err, clients*puts)
		}
	})
}

func TestACallThatIsGivenUpDoesNoHarm(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		s.put(t, "test", "v", 1)
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		for range 20 {
			if _, err := s.Get(ended, "test"); err == nil {
				t.Fatal("a call whose context has ended was answered")
			}
			s.isActive(t, "test", 1, "v")
		}
	})
}
