package setecgo

import (
	"reflect"
	"testing"

	"github.com/tailscale/setec/client/setec"
	"github.com/tailscale/setec/types/api"
)

func TestACallerMayDoWhatTheRulesSayAndNothingElse(t *testing.T) {
	onEachWithCallers(t, func(t *testing.T, s *server) {
		ctx, limited := t.Context(), s.others.limited
		s.put(t, "ok/test", "v1", 1)
		s.put(t, "ok/test", "v2", 2)
		s.put(t, "no/test", "no", 1)
		s.put(t, "ok", "no", 1)
		s.put(t, "x/ok/test", "no", 1)

		got, err := limited.Get(ctx, "ok/test")
		checkValue(t, got, err, 1, "v1")
		_, err = limited.GetIfChanged(ctx, "ok/test", 1)
		checkError(t, err, api.ErrValueNotChanged)
		_, err = limited.GetVersion(ctx, "ok/test", 3)
		checkError(t, err, api.ErrNotFound)
		_, err = limited.Info(ctx, "ok/nonesuch")
		checkError(t, err, api.ErrNotFound)
		want := []*api.SecretInfo{{Name: "ok/test", Versions: []api.SecretVersion{1, 2}, ActiveVersion: 1}}
		if list, err := limited.List(ctx); err != nil || !reflect.DeepEqual(list, want) {
			t.Errorf("List: got %v and error %v", list, err)
		}
		checkRefused(t, limited.DeleteVersion(ctx, "ok/test", 1), 500, "internal error")
		if err := limited.DeleteVersion(ctx, "ok/test", 2); err != nil {
			t.Errorf("DeleteVersion: %v", err)
		}

		// Neither what the rules have no action for, nor other names, whether they are there or not.
		_, err = limited.Put(ctx, "ok/test", []byte("ohai"))
		checkError(t, err, api.ErrAccessDenied)
		checkError(t, limited.CreateVersion(ctx, "ok/test", 1, []byte("ohai")), api.ErrAccessDenied)
		checkError(t, limited.Activate(ctx, "ok/test", 1), api.ErrAccessDenied)
		checkError(t, limited.Activate(ctx, "ok/test", 0), api.ErrAccessDenied)
		for _, name := range []string{"no/test", "ok", "x/ok/test", "no/nonesuch", "Ok/test", "", "_internal/x"} {
			_, err := limited.Get(ctx, name)
			checkError(t, err, api.ErrAccessDenied)
			_, err = limited.GetVersion(ctx, name, 1)
			checkError(t, err, api.ErrAccessDenied)
			_, err = limited.GetIfChanged(ctx, name, 1)
			checkError(t, err, api.ErrAccessDenied)
			_, err = limited.Info(ctx, name)
			checkError(t, err, api.ErrAccessDenied)
			checkError(t, limited.Delete(ctx, name), api.ErrAccessDenied)
			checkError(t, limited.DeleteVersion(ctx, name, 1), api.ErrAccessDenied)
		}
		// What is refused whoever asks.
		_, err = limited.Put(ctx, "", []byte("ohai"))
		checkRefused(t, err, 500, "internal error")
		zero := "invalid version, please specify a version > 0"
		checkRefused(t, limited.CreateVersion(ctx, "no/test", 0, nil), 400, zero)

		s.isActive(t, "ok/test", 1, "v1")
		s.isActive(t, "no/test", 1, "no")
		if err := limited.Delete(ctx, "ok/test"); err != nil {
			t.Errorf("Delete: %v", err)
		}
		// Of nothing that may be seen there is an empty list.
		if list, err := limited.List(ctx); err != nil || len(list) != 0 {
			t.Errorf("List: got %v and error %v", list, err)
		}
	})
}

func TestWhoIsNotKnownGetsNothing(t *testing.T) {
	onEachWithCallers(t, func(t *testing.T, s *server) {
		s.put(t, "ok/test", "v1", 1)
		ctx, unknown, nobody := t.Context(), s.others.unknown, "unable to identify caller"
		_, err := unknown.List(ctx)
		checkRefused(t, err, 500, nobody)
		_, err = unknown.Get(ctx, "ok/test")
		checkRefused(t, err, 500, nobody)
		_, err = unknown.Put(ctx, "ok/test", []byte("ohai"))
		checkRefused(t, err, 500, nobody)
		checkRefused(t, unknown.Delete(ctx, "ok/test"), 500, nobody)
		s.isActive(t, "ok/test", 1, "v1")
	})
}

func TestStoreOfACallerWithFewRights(t *testing.T) {
	onEachWithCallers(t, func(t *testing.T, s *server) {
		s.put(t, "ok/test", "v1", 1)
		s.put(t, "no/test", "no", 1)
		caller := &server{Client: s.others.limited}
		store, ticker := caller.store(t, setec.StoreConfig{Secrets: []string{"ok/test"}, AllowLookup: true})
		_, err := store.LookupSecret(t.Context(), "no/test")
		checkError(t, err, api.ErrAccessDenied)
		err = store.VersionedSecret("ok/test").CreateVersion(t.Context(), 7, []byte("ohai"))
		checkError(t, err, api.ErrAccessDenied)
		s.create(t, "ok/test", 2, "v2")
		ticker.Poll()
		checkSecret(t, store, "ok/test", "v2")
	})
}
