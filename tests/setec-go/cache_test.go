package setecgo

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tailscale/setec/client/setec"
	"github.com/tailscale/setec/types/api"
)

func TestStoreBeginsWithItsCache(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		s.put(t, "alpha", "foobar", 1)
		s.create(t, "alpha", 2, "bazquux")
		cache := setec.NewMemCache(`{"alpha":{"secret":{"Value":"Zm9vYmFy","Version":1},"lastAccess":"0"}}`)
		store, ticker := s.store(t, setec.StoreConfig{
			Secrets: []string{"alpha"}, Cache: cache, TimeNow: func() time.Time { return time.Unix(1, 0) },
		})
		checkSecret(t, store, "alpha", "foobar")
		ticker.Poll()
		if got := store.Secret("alpha").GetString(); got != "bazquux" {
			t.Fatalf("got %q after a poll", got)
		}
		want := `{"alpha":{"secret":{"Value":"YmF6cXV1eA==","Version":2},"lastAccess":"1"}}`
		if got := cache.String(); got != want {
			t.Errorf("the cache is\n%s\nwant\n%s", got, want)
		}
		for name, want := range map[string]string{
			"counter_poll_initiated": "1", "counter_poll_errors": "0", "counter_secret_fetch": "3",
		} {
			if got := store.Metrics().Get(name).String(); got != want {
				t.Errorf("%s is %s, want %s", name, got, want)
			}
		}
	})
}

type brokenCache struct{}

func (brokenCache) Write([]byte) error    { return errors.New("can't be written") }
func (brokenCache) Read() ([]byte, error) { return nil, errors.New("can't be read") }

func TestStoreDoesWithoutACacheOfNoUse(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		s.put(t, "alpha", "foobar", 1)
		for _, cache := range []setec.Cache{
			brokenCache{},
			setec.NewMemCache(`{"bad":JSON*#$&(@`),
			setec.NewMemCache(`{"alpha":{"Value":"blah","Version":100}}`),
		} {
			store, _ := s.store(t, setec.StoreConfig{Secrets: []string{"alpha"}, Cache: cache})
			checkSecret(t, store, "alpha", "foobar")
		}
	})
}

// A program that starts while the server is away has what it had before; so has one that has nothing but that file.
func TestCacheFileOfAStoreServesWithoutTheServer(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		s.put(t, "apple", "a1", 1)
		s.put(t, "apple", "a2", 2)
		s.put(t, "pear/p", "\x00\xff", 1)
		s.put(t, "cherry", "c1", 1)
		s.create(t, "cherry", 2, "c2")
		s.create(t, "orange", 100, "o1")
		names := []string{"apple", "pear/p", "cherry"}
		path := filepath.Join(t.TempDir(), "sub/cache.json")
		cache, err := setec.NewFileCache(path)
		if err != nil {
			t.Fatal(err)
		}
		store, _ := s.store(t, setec.StoreConfig{Secrets: names, AllowLookup: true, Cache: cache})
		if err := store.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := store.VersionedSecret("orange").GetVersion(t.Context(), 100); err != nil {
			t.Fatal(err)
		}
		store.Close()
		if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
			t.Errorf("the cache has mode %v, error %v", info.Mode(), err)
		}

		file, err := setec.NewFileClient(path)
		if err != nil {
			t.Fatal(err)
		}
		_, err = file.GetIfChanged(t.Context(), "cherry", 2)
		checkError(t, err, api.ErrValueNotChanged)
		_, err = file.Get(t.Context(), "orange")
		checkError(t, err, api.ErrNotFound)
		got, err := file.GetIfChanged(t.Context(), "apple", 2)
		checkValue(t, got, err, 1, "a1")
		away := setec.Client{Server: "http://127.0.0.1:1"}
		// Without the entry that has but a version, with which a store takes its whole cache for damaged.
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		whole := setec.NewMemCache(strings.Replace(string(text), `"orange":{"secret":null,`, `"orange":{"secret":{"Value":"bzE=","Version":100},`, 1))
		for _, config := range []setec.StoreConfig{{Client: file}, {Client: away, Cache: whole}} {
			config.Secrets, config.PollInterval, config.Logf = names, -1, quiet
			store, err := setec.NewStore(t.Context(), config)
			if err != nil {
				t.Fatal(err)
			}
			checkSecret(t, store, "apple", "a1")
			checkSecret(t, store, "pear/p", "\x00\xff")
			checkSecret(t, store, "cherry", "c2")
			store.Close()
		}
		_, err = setec.NewStore(t.Context(), setec.StoreConfig{Client: file, Secrets: []string{"apple", "x", "y"}, Logf: quiet})
		if err == nil || !strings.Contains(err.Error(), "2 unavailable secrets") {
			t.Errorf("error %v for two names that the file does not have", err)
		}
	})
}
