package setecgo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/tailscale/setec/client/setec"
	"github.com/tailscale/setec/types/api"
)

// againstSetec runs a test with each server of ours beside setec's, which is new and empty like it.
func againstSetec(t *testing.T, test func(t *testing.T, ours, setecs *server)) {
	last := len(targets) - 1
	for _, one := range targets[:last] {
		t.Run(one.name, func(t *testing.T) { test(t, one.open(t), targets[last].open(t)) })
	}
}

// A call, and what the client makes of the answer to it, in words.
type call struct {
	name    string
	version api.SecretVersion
	value   string
	kind    int
	// limited is whether the caller may get, info and delete ok/* alone.
	limited bool
}

var kinds = []string{"list", "get", "get if changed", "get version", "info", "put", "create version", "activate", "delete version", "delete"}

func (c call) String() string {
	return fmt.Sprintf("%s %q version %d value %.99q, limited %t", kinds[c.kind], c.name, c.version, c.value, c.limited)
}

func (c call) answer(of *server) string {
	ctx, s := context.Background(), of.Client
	if c.limited {
		s = of.others.limited
	}
	var got any
	var err error
	switch kinds[c.kind] {
	case "list":
		var list []*api.SecretInfo
		list, err = s.List(ctx)
		for _, info := range list {
			got = fmt.Sprint(got, *info)
		}
	case "get":
		got, err = s.Get(ctx, c.name)
	case "get if changed":
		got, err = s.GetIfChanged(ctx, c.name, c.version)
	case "get version":
		got, err = s.GetVersion(ctx, c.name, c.version)
	case "info":
		got, err = s.Info(ctx, c.name)
	case "put":
		got, err = s.Put(ctx, c.name, []byte(c.value))
	case "create version":
		err = s.CreateVersion(ctx, c.name, c.version, []byte(c.value))
	case "activate":
		err = s.Activate(ctx, c.name, c.version)
	case "delete version":
		err = s.DeleteVersion(ctx, c.name, c.version)
	case "delete":
		err = s.Delete(ctx, c.name)
	}
	if err != nil {
		return "error: " + err.Error()
	}
	switch got := got.(type) {
	case *api.SecretValue:
		return fmt.Sprintf("%d %#v", got.Version, got.Value)
	case *api.SecretInfo:
		return fmt.Sprint(*got)
	default:
		return fmt.Sprint(got)
	}
}

// randomCall is one on which both should agree. Where the server is otherwise on purpose is left out: an empty value that is put
// when the latest version was deleted, what comes after the highest version there can be, and version numbers of
// names that are the server's own.
func randomCall(random *rand.Rand) call {
	names := []string{"ok/a", "b/c", "ü *", "ok/a", "b/c", "ü *", "", "_internal/x"}
	versions := []api.SecretVersion{0, 1, 1, 1, 2, 2, 2, 3, 3, 4, 5, 6, 4000000000}
	values := []string{"x", "y", "\x00\xff", "long enough to be none of the others"}
	c := call{
		name: names[random.Intn(len(names))], version: versions[random.Intn(len(versions))],
		value: values[random.Intn(len(values))], kind: random.Intn(len(kinds)),
		limited: random.Intn(4) == 0,
	}
	switch kinds[c.kind] {
	case "delete":
		// Rarely, so that secrets grow old.
		if random.Intn(4) > 0 {
			c.kind--
		}
	case "create version":
		if strings.HasPrefix(c.name, "_") {
			c.name = "ok/a"
		}
		if random.Intn(8) == 0 {
			c.value = ""
		}
	}
	return c
}

func TestManyCallsAreAnsweredAlike(t *testing.T) {
	const rounds, length = 30, 150
	againstSetec(t, func(t *testing.T, ours, setecs *server) {
		answers := make(map[string]int)
		for seed := range int64(rounds) {
			random := rand.New(rand.NewSource(seed))
			var before []string
			for range length {
				one := randomCall(random)
				one.limited = one.limited && ours.others != nil
				got, want := one.answer(ours), one.answer(setecs)
				before = append(before, fmt.Sprintf("%v: %s", one, want))
				if got != want {
					t.Fatalf("seed %d: after\n%s\nthe last was answered %s", seed, strings.Join(before, "\n"), got)
				}
				if outcome, failed := strings.CutPrefix(want, "error: "); failed {
					answers[outcome]++
				} else {
					answers["success"]++
				}
			}
			ours.clear(t)
			setecs.clear(t)
		}
		// Otherwise this would compare little.
		for _, outcome := range []string{"success", "not found", "value not changed", "version is already claimed", "access denied"} {
			if answers[outcome] < 25 && (outcome != "access denied" || ours.others != nil) {
				t.Errorf("of %d calls only %d came to: %s", rounds*length, answers[outcome], outcome)
			}
		}
		t.Logf("of %d calls: %v", rounds*length, answers)
	})
}

// request is one that setec's client would not send.
type request struct {
	method, path, body string
	// headers are in place of the client's.
	headers map[string]string
}

// sent is what came back, as far as a client of any kind can tell.
func (r request) sent(t *testing.T, s setec.Client) string {
	t.Helper()
	out, err := http.NewRequestWithContext(t.Context(), r.method, strings.TrimSuffix(s.Server, "/")+r.path, strings.NewReader(r.body))
	if err != nil {
		t.Fatal(err)
	}
	out.Header.Set("Content-Type", "application/json")
	out.Header.Set("Sec-X-Tailscale-No-Browsers", "setec")
	for name, value := range r.headers {
		out.Header.Del(name)
		if value != "" {
			out.Header.Set(name, value)
		}
	}
	answer, err := s.DoHTTP(out)
	if err != nil {
		t.Fatalf("%+v: %v", r, err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil && !errors.Is(err, io.EOF) {
		t.Fatalf("%+v: %v", r, err)
	}
	header := answer.Header
	return fmt.Sprintf("%d %q, Content-Type %q, X-Content-Type-Options %q, %d bytes",
		answer.StatusCode, body, header.Get("Content-Type"), header.Get("X-Content-Type-Options"), answer.ContentLength)
}

// requests are sent in this order to servers that have three versions of "a", the second active.
func requests() []request {
	var all []request
	add := func(method, path, body string, headers map[string]string) {
		all = append(all, request{method, path, body, headers})
	}
	post := func(path string, bodies ...string) {
		for _, body := range bodies {
			add("POST", path, body, nil)
		}
	}
	// What is looked at first.
	for _, path := range []string{"/api/list", "/api/get", "/api/info", "/api/put", "/api/create-version", "/api/activate", "/api/delete", "/api/delete-version"} {
		for _, method := range []string{"GET", "PUT", "DELETE", "OPTIONS", "PATCH", "POSTS", "post"} {
			add(method, path, "", map[string]string{"Content-Type": "text/plain", "Sec-X-Tailscale-No-Browsers": ""})
		}
		for _, kind := range []string{"", "text/plain", "application/json; charset=utf-8", "Application/json", "application/json,"} {
			add("POST", path, "", map[string]string{"Content-Type": kind, "Sec-X-Tailscale-No-Browsers": ""})
		}
		for _, value := range []string{"", "Setec", "setecs", "1"} {
			add("POST", path, "not JSON", map[string]string{"Sec-X-Tailscale-No-Browsers": value})
		}
		post(path, "", " \n", "not JSON", "[]", `"x"`, "1", "true", "{", `{"Name":`, "\ufeff{}", `{"Name":1}`, "{'Name':'a'}", `{"Name":"a",}`, "nul")
		add("POST", path+"?a=b", "", nil)
	}
	post("/api/list", "{}", "null", "{}garbage", ` {"x":[1,{"y":null}]} {}`)
	// Names.
	post("/api/info", `{"Name":"a"}`, `{"name":"a"}`, `{"NAME":"a"}`, `{"nAmE":"a"}`, `{"Name":"b","Name":"a"}`, `{"Name":"b","name":"a"}`,
		`{"Name":"a","Name":null}`, `{"Name":"\u0061"}`, `{"Name":"a"}{"Name":"b"}`, `{"Name":"a"}]`, "{}", "null", `{"Name":"a\u0000"}`,
		"{\"Name\":\"a\n\"}", "{\"Name\":\"a\x00\"}", "{\"Name\":\"a\xff\"}", `{"Name":"\ud800"}`, `{"Name":"\q"}`, `{"Name":["a"]}`,
		`{"Name":{}}`, `{"Name":true}`, `{"Name":"a","Other":{"deep":[[[1e400]]]}}`, `{"Name":"a","Other":01}`, `{"Name":"a","Other":tru}`)
	// Versions.
	for _, version := range []string{
		"1", "2", "3", "4", "0", "null", "-1", "-0", "4294967295", "4294967296", "1.0", "1e0", `"1"`, "01", "true", "[1]", "18446744073709551616", "",
	} {
		post("/api/get", `{"Name":"a","Version":`+version+`}`, `{"Name":"a","Version":`+version+`,"UpdateIfChanged":true}`)
		post("/api/activate", `{"Name":"nonesuch","Version":`+version+`}`)
		post("/api/delete-version", `{"Name":"nonesuch","Version":`+version+`}`)
	}
	post("/api/get", `{"name":"a","ver\u0073ion":3}`, `{"name":"a","Verſion":3}`, `{"Name":"a","version":3,"Version":1}`, `{"Name":"a","Version":3,"Version":null}`,
		`{"Name":"a","Version":1,"UpdateIfChanged":null}`, `{"Name":"a","Version":1,"UpdateIfChanged":"true"}`, `{"Name":"a","Version":1,"UpdateIfChanged":1}`,
		`{"Name":"a","Version":2,"updateifchanged":true}`, `{"Name":"a","Version":2,"UpdateIfChanged":true,"UpdateIfChanged":false}`)
	// Values.
	for i, value := range []string{
		`"aGk="`, `"aGk"`, `"aGl="`, `"aG\nk="`, `"aG\r\nk="`, `"aG k="`, `"_-8="`, `"/+8="`, `""`, `"="`, `"===="`, `"aGk=aGk="`, `"aGk=\n"`, "null", "[]",
		"[104,105]", "[104,null]", "[300]", "[-1]", `["104"]`, "[1.0]", "[[1]]", "{}", "1", "true", `"\u0061Gk="`, `"aGkü"`,
	} {
		name := fmt.Sprintf("value %d", i)
		post("/api/put", `{"Name":"`+name+`","Value":`+value+`}`, `{"Name":"`+name+`","Value":"b2xk","Value":`+value+`}`)
		post("/api/create-version", `{"Name":"`+name+`","Version":9,"Value":`+value+`}`)
		post("/api/get", `{"Name":"`+name+`"}`, `{"Name":"`+name+`","Version":1}`)
	}
	post("/api/put", `{"Name":"none"}`, `{"Name":"none","value":"aGk="}`, `{"Name":"none","Value":null}`, "{}", "null", `{"Name":"<&>\u2028\"\\é"}`)
	post("/api/get", `{"Name":"none","Version":1}`)
	post("/api/create-version", `{"Name":"a","Version":3,"Value":""}`, `{"Name":"a","Value":""}`, "{}", `{"Name":"a","Version":4}`)
	post("/api/activate", `{"Name":"a","Version":1}`, `{"Name":"a"}`, "{}", "null")
	post("/api/delete-version", `{"Name":"a","Version":2}`, `{"Name":"a","Version":2}`, `{"Name":"a","Version":1}`, `{"Name":"a"}`, "{}")
	post("/api/delete", `{"Name":"nonesuch"}`, "{}", "null", `{"Name":"value 0"}x`)
	post("/api/list", "{}")
	return all
}

func TestRequestsOfOthersAreAnsweredAlike(t *testing.T) {
	againstSetec(t, func(t *testing.T, ours, setecs *server) {
		for _, s := range []*server{ours, setecs} {
			s.put(t, "a", "one", 1)
			s.put(t, "a", "two", 2)
			s.put(t, "a", "three", 3)
			s.activate(t, "a", 2)
		}
		sendAll := func(ours, setecs setec.Client) {
			t.Helper()
			for _, one := range requests() {
				if got, want := one.sent(t, ours), one.sent(t, setecs); got != want {
					t.Errorf("%s %s %q %v\n got %s\nwant %s", one.method, one.path, one.body, one.headers, got, want)
				}
			}
		}
		// Who may do less goes first, when there is still something to be refused.
		if ours.others != nil {
			sendAll(ours.others.unknown, setecs.others.unknown)
			sendAll(ours.others.limited, setecs.others.limited)
		}
		sendAll(ours.Client, setecs.Client)
	})
}

// Where the server is otherwise on purpose, each with what setec does: were that to change, there would be no reason any more.
func TestWhereTheServerIsOtherwise(t *testing.T) {
	againstSetec(t, func(t *testing.T, ours, setecs *server) {
		both := func(c call, got, want string) {
			t.Helper()
			if answer := c.answer(ours); answer != got {
				t.Errorf("%v: answered %s, want %s", c, answer, got)
			}
			if answer := c.answer(setecs); answer != want {
				t.Errorf("%v: setec answered %s, want %s", c, answer, want)
			}
		}
		const get, getVersion, put, create, remove = 1, 3, 5, 6, 8
		internal := `error: request returned status 500: "internal error"`
		invalid := `error: request returned status 400: "invalid name"`
		// An empty value after the latest version was deleted: setec gives the number of what is not there.
		both(call{name: "a", value: "x", kind: put}, "1", "1")
		both(call{name: "a", value: "y", kind: put}, "2", "2")
		both(call{name: "a", version: 2, kind: remove}, "<nil>", "<nil>")
		both(call{name: "a", kind: put}, "3", "2")
		both(call{name: "a", version: 2, kind: getVersion}, "error: not found", "error: not found")
		// No version follows the highest: setec begins again with 0, which nobody can get.
		both(call{name: "b", version: 4294967295, value: "x", kind: create}, "<nil>", "<nil>")
		both(call{name: "b", value: "y", kind: put}, internal, "0")
		both(call{name: "b", kind: get}, `4294967295 []byte{0x78}`, `4294967295 []byte{0x78}`)
		// A reserved name that can be created and never deleted.
		both(call{name: "_internal/x", version: 1, value: "x", kind: create}, internal, "<nil>")
		both(call{name: "_internal/x", kind: get}, "error: not found", `1 []byte{0x78}`)
		// Names that nobody can type or see.
		for _, name := range []string{"a\nb", "a\x7fb", "\x00", strings.Repeat("x", 1025)} {
			both(call{name: name, value: "x", kind: put}, invalid, "1")
			both(call{name: name, version: 7, value: "x", kind: create}, invalid, "<nil>")
			both(call{name: name, kind: get}, "error: not found", `7 []byte{0x78}`)
		}
		both(call{name: strings.Repeat("x", 1024), value: "x", kind: put}, "1", "1")
		// More than a server should hold in memory for each who calls. A client that is still sending when it is told so
		// may find but the connection closed.
		large := call{name: "large", value: strings.Repeat("x", 17<<20), kind: put}
		refused := regexp.MustCompile(`^error: (request returned status 413: "request body too large"|.*broken pipe|.*connection reset by peer)$`)
		if answer := large.answer(ours); !refused.MatchString(answer) {
			t.Errorf("%v: answered %s", large, answer)
		}
		if answer := large.answer(setecs); answer != "1" {
			t.Errorf("%v: setec answered %s", large, answer)
		}
		large.value = large.value[:12<<20-100]
		both(large, "1", "2")
	})
}
