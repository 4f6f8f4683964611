package setecgo

import (
	"bytes"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/tailscale/setec/client/setec"
)

// pair is read from "left:right".
type pair [2]string

func (p *pair) UnmarshalBinary(data []byte) error {
	left, right, found := bytes.Cut(data, []byte(":"))
	if !found {
		return errors.New("no colon")
	}
	*p = pair{string(left), string(right)}
	return nil
}

type object struct {
	X string `json:"x"`
	Y bool   `json:"y"`
}

// filled is a struct as a program of setec's users has it.
type filled struct {
	Text    string       `setec:"text"`
	Bytes   []byte       `setec:"bytes"`
	Handle  setec.Secret `setec:"handle"`
	Pair    pair         `setec:"pair"`
	Pointer *pair        `setec:"deep/pointer"`
	Object  object       `setec:"object,json"`
	Number  int          `setec:"number,json"`
	Time    time.Time    `setec:"time,json"`
	Other   string
}

func TestFieldsAreFilled(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		for name, value := range map[string]string{
			"text": "pä$$", "bytes": "\x00\xff", "handle": "one", "pair": "a:b", "deep/pointer": "c:d:e",
			"object": `{"x":"hello","y":true}`, "number": "12345", "time": `"2023-10-06T12:34:56Z"`,
		} {
			s.put(t, "dev/"+name, value, 1)
			s.put(t, "prod/"+name, "of no use", 1)
		}
		got := filled{Other: "untouched"}
		store, ticker := s.store(t, setec.StoreConfig{Structs: []setec.Struct{{Value: &got, Prefix: "dev"}}})
		if got.Handle.GetString() != "one" {
			t.Errorf("the handle has %q", got.Handle.GetString())
		}
		s.create(t, "dev/handle", 2, "two")
		ticker.Poll()
		if got.Handle.GetString() != "two" {
			t.Errorf("the handle has %q after a poll", got.Handle.GetString())
		}
		got.Handle = nil
		want := filled{
			Text: "pä$$", Bytes: []byte{0, 0xff}, Pair: pair{"a", "b"}, Pointer: &pair{"c", "d:e"},
			Object: object{"hello", true}, Number: 12345, Time: time.Date(2023, 10, 6, 12, 34, 56, 0, time.UTC), Other: "untouched",
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, want %+v", got, want)
		}
		fields, err := setec.ParseFields(&got, "dev")
		if err != nil {
			t.Fatal(err)
		}
		names := []string{
			"dev/text", "dev/bytes", "dev/handle", "dev/pair", "dev/deep/pointer", "dev/object", "dev/number", "dev/time",
		}
		if !reflect.DeepEqual(fields.Secrets(), names) {
			t.Errorf("got %v, want %v", fields.Secrets(), names)
		}
		if err := fields.Apply(t.Context(), store); err != nil {
			t.Error(err)
		}
	})
}
