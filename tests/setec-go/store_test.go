package setecgo

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/tailscale/setec/client/setec"
	"github.com/tailscale/setec/setectest"
	"github.com/tailscale/setec/types/api"
)

func quiet(string, ...any) {}

// store is one of these secrets, with a clock that the test turns.
func (s *server) store(t *testing.T, config setec.StoreConfig) (*setec.Store, *setectest.Ticker) {
	t.Helper()
	ticker := setectest.NewFakeTicker()
	config.Client, config.PollTicker, config.Logf = s.Client, ticker, quiet
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	store, err := setec.NewStore(ctx, config)
	if err != nil {
		t.Fatalf("NewStore: %v", err)
	}
	t.Cleanup(func() { store.Close() })
	return store, ticker
}

func checkSecret(t *testing.T, store *setec.Store, name, want string) setec.Secret {
	t.Helper()
	secret := store.Secret(name)
	if secret == nil || string(secret.Get()) != want || secret.GetString() != want {
		t.Fatalf("%q is %q, want %q", name, secret.GetString(), want)
	}
	return secret
}

func panics(t *testing.T, call func()) {
	t.Helper()
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	call()
}

func TestStoreOfDeclaredNames(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		s.put(t, "alpha", "ok", 1)
		s.put(t, "bravo", "yes", 1)
		s.put(t, "bravo", "no", 2)
		store, _ := s.store(t, setec.StoreConfig{Secrets: []string{"alpha", "bravo", "alpha"}})
		checkSecret(t, store, "alpha", "ok")
		checkSecret(t, store, "bravo", "yes")
		panics(t, func() { store.Secret("nonesuch") })
		if _, err := store.LookupSecret(t.Context(), "nonesuch"); err == nil {
			t.Error("a name that was not declared was looked up")
		}
	})
}

func TestStoreThatCannotBeMade(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		for name, config := range map[string]setec.StoreConfig{
			"no client":        {Secrets: []string{"alpha"}},
			"no names":         {Client: s.Client},
			"an empty name":    {Client: s.Client, Secrets: []string{""}, AllowLookup: true},
			"an unknown name":  {Client: s.Client, Secrets: []string{"nonesuch"}},
			"no tagged fields": {Client: s.Client, Structs: []setec.Struct{{Value: &struct{ X string }{}}}},
		} {
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			config.Logf = quiet
			if _, err := setec.NewStore(ctx, config); err == nil {
				t.Errorf("%s: there is a store", name)
			}
			cancel()
		}
	})
}

func TestStoreWaitsForAllNames(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		ready := make(chan *setec.Store)
		go func() {
			config := setec.StoreConfig{Client: s.Client, Secrets: []string{"minsc", "boo"}, Logf: quiet}
			store, err := setec.NewStore(t.Context(), config)
			if err != nil {
				t.Errorf("NewStore: %v", err)
			}
			ready <- store
		}()
		isNotReady := func() {
			t.Helper()
			select {
			case <-ready:
				t.Fatal("the store is ready too early")
			case <-time.After(20 * time.Millisecond):
			}
		}
		isNotReady()
		s.put(t, "boo", "go for the eyes", 1)
		isNotReady()
		s.put(t, "dynaheir", "no effect", 1)
		isNotReady()
		s.put(t, "minsc", "full plate", 1)
		select {
		case store := <-ready:
			defer store.Close()
			checkSecret(t, store, "minsc", "full plate")
			checkSecret(t, store, "boo", "go for the eyes")
		case <-time.After(15 * time.Second):
			t.Fatal("the store is not ready after 15 seconds")
		}
	})
}

func TestStoreSeesWhatIsActivated(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		s.put(t, "alpha", "one", 1)
		store, ticker := s.store(t, setec.StoreConfig{Secrets: []string{"alpha"}})
		alpha := store.Secret("alpha")
		see := func(want string) {
			t.Helper()
			ticker.Poll()
			if got := alpha.GetString(); got != want {
				t.Fatalf("got %q, want %q", got, want)
			}
		}
		see("one")
		s.put(t, "alpha", "two", 2)
		see("one")
		s.activate(t, "alpha", 2)
		see("two")
		s.activate(t, "alpha", 1)
		see("one")
		s.create(t, "alpha", 7, "")
		see("")
		s.activate(t, "alpha", 2)
		if err := store.Refresh(t.Context()); err != nil || alpha.GetString() != "two" {
			t.Fatalf("after Refresh got %q and error %v", alpha.GetString(), err)
		}
		if got := store.Metrics().Get("counter_poll_errors").String(); got != "0" {
			t.Errorf("%s polls failed", got)
		}
	})
}

func TestStorePollsByItself(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		s.put(t, "alpha", "one", 1)
		store, err := setec.NewStore(t.Context(), setec.StoreConfig{
			Client: s.Client, Secrets: []string{"alpha"}, PollInterval: 20 * time.Millisecond, Logf: quiet,
		})
		if err != nil {
			t.Fatal(err)
		}
		defer store.Close()
		// A plain poll changes nothing, and the connections to do so are kept.
		time.Sleep(100 * time.Millisecond)
		checkSecret(t, store, "alpha", "one")
		s.create(t, "alpha", 2, "two")
		for end := time.Now().Add(10 * time.Second); store.Secret("alpha").GetString() != "two"; {
			if time.Now().After(end) {
				t.Fatal("not seen within 10 seconds")
			}
			time.Sleep(5 * time.Millisecond)
		}
		if got := store.Metrics().Get("counter_poll_errors").String(); got != "0" {
			t.Errorf("%s polls failed", got)
		}
	})
}

func TestRefreshAppliesWhatItCouldGet(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		s.put(t, "small", "1", 1)
		s.put(t, "large", "500", 1)
		store, _ := s.store(t, setec.StoreConfig{Secrets: []string{"small", "large"}})
		s.create(t, "small", 2, "2")
		if err := s.Delete(t.Context(), "large"); err != nil {
			t.Fatal(err)
		}
		err := store.Refresh(t.Context())
		checkError(t, err, api.ErrNotFound)
		if !strings.Contains(err.Error(), "partially failed") {
			t.Errorf("unexpected error: %v", err)
		}
		checkSecret(t, store, "small", "2")
		checkSecret(t, store, "large", "500")
	})
}

func TestStoreLooksUpWhatWasNotDeclared(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		s.put(t, "red", "badge of courage", 1)
		s.put(t, "green", "eggs and ham", 1)
		store, ticker := s.store(t, setec.StoreConfig{AllowLookup: true})
		if store.Secret("green") != nil {
			t.Error("a secret is known that nobody asked for")
		}
		green, err := store.LookupSecret(t.Context(), "green")
		if err != nil || green.GetString() != "eggs and ham" {
			t.Errorf("got %q and error %v", green.GetString(), err)
		}
		_, err = store.LookupSecret(t.Context(), "orange")
		checkError(t, err, api.ErrNotFound)
		if store.Secret("orange") != nil {
			t.Error("a secret is known that is not there")
		}
		s.create(t, "green", 2, "grow the rushes oh")
		ticker.Poll()
		checkSecret(t, store, "green", "grow the rushes oh")
	})
}

func TestStoreForgetsWhatNobodyUses(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		for _, name := range []string{"apple", "pear", "plum", "cherry"} {
			s.put(t, name, "the "+name, 1)
		}
		now := time.Unix(1, 0)
		clock := func() time.Time { return now }
		cache := new(setec.MemCache)
		store, _ := s.store(t, setec.StoreConfig{
			Secrets: []string{"apple", "pear"}, AllowLookup: true, Cache: cache, TimeNow: clock,
		})
		for _, name := range []string{"plum", "cherry"} {
			now = now.Add(25 * time.Second)
			if _, err := store.LookupSecret(t.Context(), name); err != nil {
				t.Fatal(err)
			}
		}
		store.Close()
		later, ticker := s.store(t, setec.StoreConfig{
			Secrets: []string{"apple"}, AllowLookup: true, Cache: cache, TimeNow: clock, ExpiryAge: 30 * time.Second,
		})
		now = now.Add(20 * time.Second)
		ticker.Poll()
		for name, want := range map[string]bool{"apple": true, "pear": false, "plum": false, "cherry": true} {
			if got := later.Secret(name) != nil; got != want {
				t.Errorf("%s is known: %t, want %t", name, got, want)
			}
		}
	})
}

func TestVersionedSecrets(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		ctx := t.Context()
		store, ticker := s.store(t, setec.StoreConfig{AllowLookup: true})
		versions := store.VersionedSecret("color")
		has := func(version api.SecretVersion, want string) {
			t.Helper()
			if got, err := versions.GetVersion(ctx, version); err != nil || string(got) != want {
				t.Fatalf("version %d is %q with error %v, want %q", version, got, err, want)
			}
		}
		create := func(version api.SecretVersion, value string) {
			t.Helper()
			if err := versions.CreateVersion(ctx, version, []byte(value)); err != nil {
				t.Fatalf("CreateVersion %d: %v", version, err)
			}
		}
		if err := versions.CreateVersion(ctx, 0, []byte("red")); err == nil {
			t.Fatal("version 0 was created")
		}
		create(1, "red")
		has(1, "red")
		color := checkSecret(t, store, "color", "red")
		create(2, "green")
		checkError(t, versions.CreateVersion(ctx, 2, []byte("orange")), api.ErrVersionClaimed)
		has(2, "green")
		has(1, "red")
		see := func(want string) {
			t.Helper()
			ticker.Poll()
			if got := color.GetString(); got != want {
				t.Fatalf("got %q, want %q", got, want)
			}
		}
		see("green")
		s.activate(t, "color", 1)
		see("red")
		if err := s.DeleteVersion(ctx, "color", 2); err != nil {
			t.Fatal(err)
		}
		see("red")
		_, err := versions.GetVersion(ctx, 2)
		checkError(t, err, api.ErrNotFound)
		s.create(t, "color", 3, "lime")
		see("lime")
		has(3, "lime")
	})
}

func TestVersionedSecretsNeedLookups(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		s.put(t, "plum", "v", 1)
		store, _ := s.store(t, setec.StoreConfig{Secrets: []string{"plum"}})
		panics(t, func() { store.VersionedSecret("plum") })
	})
}

// pipe is a value that has to be closed.
type pipe struct {
	text   string
	closed bool
}

func (p *pipe) Close() error {
	p.closed = true
	return nil
}

func TestUpdaterMakesItsValueAnew(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		s.put(t, "label", "one", 1)
		store, ticker := s.store(t, setec.StoreConfig{Secrets: []string{"label"}})
		updater, err := setec.NewUpdater(t.Context(), store, "label", func(value []byte) (*pipe, error) {
			if len(value) == 0 {
				return nil, errors.New("empty")
			}
			return &pipe{text: string(value)}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		first := updater.Get()
		s.create(t, "label", 2, "two")
		ticker.Poll()
		second := updater.Get()
		if first.text != "one" || !first.closed || second.text != "two" || second.closed {
			t.Fatalf("got %v and then %v", first, second)
		}
		// Nothing has changed: the server says so, and nothing is made anew.
		ticker.Poll()
		if again := updater.Get(); again != second || second.closed {
			t.Fatalf("got %v after a poll that changed nothing", again)
		}
		s.create(t, "label", 3, "")
		ticker.Poll()
		if again := updater.Get(); again != second || updater.Err() == nil {
			t.Fatalf("got %v and error %v of a value that can't be used", again, updater.Err())
		}
		s.activate(t, "label", 1)
		ticker.Poll()
		if last := updater.Get(); last.text != "one" || updater.Err() != nil || !second.closed {
			t.Fatalf("got %v and error %v", last, updater.Err())
		}
		if _, err := setec.NewUpdater(t.Context(), store, "nonesuch", func([]byte) (int, error) { return 0, nil }); err == nil {
			t.Error("there is an updater of a name that was not declared")
		}
	})
}
