package setecgo

import (
	"reflect"
	"strconv"
	"testing"
	"time"

	"github.com/tailscale/setec/types/api"
)

func TestTheFirstVersionStaysActive(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		for i := range 10 {
			s.put(t, "test", strconv.Itoa(i), api.SecretVersion(i+1))
		}
		s.isActive(t, "test", 1, "0")
		for i := range 10 {
			version := api.SecretVersion(i + 1)
			s.has(t, "test", version, strconv.Itoa(i))
			s.activate(t, "test", version)
			s.isActive(t, "test", version, strconv.Itoa(i))
			// Again is no error.
			s.activate(t, "test", version)
		}
	})
}

func TestPutOfTheLatestValueIsNoNewVersion(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		s.put(t, "test", "one", 1)
		s.put(t, "test", "one", 1)
		s.put(t, "test", "two", 2)
		s.put(t, "test", "one", 3)
		s.activate(t, "test", 2)
		// It is the latest that counts, and not the active one.
		s.put(t, "test", "one", 3)
		s.put(t, "test", "two", 4)
		s.has(t, "test", 1, "one")
		s.has(t, "test", 2, "two")
	})
}

func TestCreateVersion(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		ctx := t.Context()
		// As who numbers versions by the time does.
		far := api.SecretVersion(time.Date(2099, 12, 31, 23, 59, 59, 0, time.UTC).Unix())
		s.create(t, "test", 1, "one")
		s.isActive(t, "test", 1, "one")
		s.create(t, "test", far, "two")
		s.isActive(t, "test", far, "two")
		checkError(t, s.CreateVersion(ctx, "test", far, []byte("other")), api.ErrVersionClaimed)
		checkError(t, s.CreateVersion(ctx, "test", far, []byte("two")), api.ErrVersionClaimed)
		s.isActive(t, "test", far, "two")
		s.create(t, "test", 100, "three")
		s.isActive(t, "test", 100, "three")
		s.has(t, "test", 1, "one")
		s.create(t, "disjoint", 100, "one")
		s.isActive(t, "disjoint", 100, "one")
		s.create(t, "last", 4294967295, "one")
		s.isActive(t, "last", 4294967295, "one")
		_, err := s.GetIfChanged(ctx, "last", 4294967295)
		checkError(t, err, api.ErrValueNotChanged)
	})
}

func TestDeletedVersionsStayClaimed(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		ctx := t.Context()
		remove := func(version api.SecretVersion) {
			t.Helper()
			if err := s.DeleteVersion(ctx, "test", version); err != nil {
				t.Fatalf("DeleteVersion %d: %v", version, err)
			}
		}
		s.put(t, "test", "one", 1)
		s.create(t, "test", 100, "hundred")
		s.create(t, "test", 10, "ten")
		s.put(t, "test", "put", 101)
		s.isActive(t, "test", 10, "ten")
		remove(101)
		remove(100)
		checkError(t, s.CreateVersion(ctx, "test", 100, []byte("ten")), api.ErrVersionClaimed)
		s.put(t, "test", "put", 102)
		s.isActive(t, "test", 10, "ten")
		want := &api.SecretInfo{Name: "test", Versions: []api.SecretVersion{1, 10, 102}, ActiveVersion: 10}
		if got, err := s.Info(ctx, "test"); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("got %v and error %v, want %v", got, err, want)
		}
	})
}

func TestDeleteVersion(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		ctx := t.Context()
		s.put(t, "test", "one", 1)
		s.put(t, "test", "two", 2)
		checkError(t, s.DeleteVersion(ctx, "test", 1000), api.ErrNotFound)
		checkRefused(t, s.DeleteVersion(ctx, "test", 1), 500, "internal error")
		if err := s.DeleteVersion(ctx, "test", 2); err != nil {
			t.Fatal(err)
		}
		checkError(t, s.DeleteVersion(ctx, "test", 2), api.ErrNotFound)
		_, err := s.GetVersion(ctx, "test", 2)
		checkError(t, err, api.ErrNotFound)
		checkError(t, s.Activate(ctx, "test", 2), api.ErrNotFound)
		s.has(t, "test", 1, "one")
		s.isActive(t, "test", 1, "one")
	})
}

func TestDeleteForgetsEverything(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		ctx := t.Context()
		for range 2 {
			// What is not there can be deleted.
			if err := s.Delete(ctx, "test"); err != nil {
				t.Fatal(err)
			}
		}
		s.put(t, "test", "one", 1)
		s.put(t, "test", "two", 2)
		s.put(t, "test", "three", 3)
		if err := s.DeleteVersion(ctx, "test", 3); err != nil {
			t.Fatal(err)
		}
		if err := s.Delete(ctx, "test"); err != nil {
			t.Fatal(err)
		}
		_, err := s.GetVersion(ctx, "test", 1)
		checkError(t, err, api.ErrNotFound)
		_, err = s.GetIfChanged(ctx, "test", 1)
		checkError(t, err, api.ErrNotFound)
		_, err = s.Info(ctx, "test")
		checkError(t, err, api.ErrNotFound)
		s.put(t, "test", "new", 1)
		s.create(t, "test", 3, "three")
		s.isActive(t, "test", 3, "three")
	})
}

// A ring of keys, as newer clients of setec make of these two calls: all versions that Info lists can be had.
func TestAllVersionsThatInfoHasCanBeHad(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		ctx := t.Context()
		ring := make(map[api.SecretVersion]string)
		update := func() api.SecretVersion {
			t.Helper()
			info, err := s.Info(ctx, "key")
			if err != nil {
				t.Fatal(err)
			}
			for _, version := range info.Versions {
				if _, known := ring[version]; known {
					continue
				}
				got, err := s.GetVersion(ctx, "key", version)
				if err != nil {
					t.Fatalf("version %d: %v", version, err)
				}
				ring[version] = string(got.Value)
			}
			return info.ActiveVersion
		}
		s.put(t, "key", "one", 1)
		s.put(t, "key", "two", 2)
		s.put(t, "key", "three", 3)
		s.activate(t, "key", 3)
		if active := update(); active != 3 {
			t.Errorf("version %d is active, want 3", active)
		}
		s.put(t, "key", "four", 4)
		if _, known := ring[4]; known {
			t.Error("a version is known before anybody asked for it")
		}
		if active := update(); active != 3 {
			t.Errorf("version %d is active, want 3", active)
		}
		s.activate(t, "key", 4)
		if active := update(); active != 4 {
			t.Errorf("version %d is active, want 4", active)
		}
		want := map[api.SecretVersion]string{1: "one", 2: "two", 3: "three", 4: "four"}
		if !reflect.DeepEqual(ring, want) {
			t.Errorf("got %v, want %v", ring, want)
		}
	})
}
