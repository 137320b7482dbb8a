package remote

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
)

// fakeAPI speaks as much of the Kubernetes API as this package asks for, without its rules on who may do what. It is there for what a real API
// server cannot be made to do within a test: to fail, to forget, to go back in time.
type fakeAPI struct {
	*httptest.Server

	mu       sync.Mutex
	version  int
	objects  map[string]*unstructured.Unstructured // by resource/namespace/name
	events   []fakeEvent
	oldest   int           // events up to this version are forgotten
	changed  chan struct{} // closed when something changes
	requests []string
	// fail answers a request with a status other than what it should; 0: do not.
	fail func(*http.Request) int
}

type fakeEvent struct {
	version  int
	kind     string
	resource string
	object   *unstructured.Unstructured
}

func newFakeAPI(t *testing.T) *fakeAPI {
	f := &fakeAPI{version: 100, objects: map[string]*unstructured.Unstructured{}, changed: make(chan struct{})}
	f.Server = httptest.NewUnstartedServer(f)
	f.EnableHTTP2 = true
	f.Config.ErrorLog = log.New(io.Discard, "", 0) // lines are cut on purpose
	f.StartTLS()
	t.Cleanup(func() {
		f.CloseClientConnections()
		f.Close()
	})
	return f
}

// ServeHTTP implements http.Handler.
func (f *fakeAPI) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	p := parsePath(req.URL.Path)
	line := req.Method + " " + p.resource
	if req.URL.Query().Has("watch") {
		line = "WATCH " + p.resource + " " + req.URL.Query().Get("resourceVersion")
	} else if p.name == "" && req.Method == http.MethodGet {
		line = "LIST " + p.resource + " " + req.URL.Query().Get("resourceVersion")
	}
	f.mu.Lock()
	f.requests = append(f.requests, line)
	fail := f.fail
	f.mu.Unlock()
	if fail != nil {
		if code := fail(req); code != 0 {
			answer(w, code, status(code, "told to fail", ""))
			return
		}
	}
	switch {
	case p.subresource == "token":
		answer(w, http.StatusCreated, map[string]any{"status": map[string]any{
			"token": fakeToken(time.Now(), 24*time.Hour), "expirationTimestamp": time.Now().Add(24 * time.Hour).UTC().Format(time.RFC3339),
		}})
	case req.URL.Query().Has("watch"):
		f.watch(w, req, p)
	case req.Method == http.MethodGet && p.name == "":
		f.list(w, req, p)
	default:
		code, body := f.one(req, p)
		answer(w, code, body)
	}
}

// path is what a URL names.
type path struct{ resource, namespace, name, subresource string }

func parsePath(url string) (p path) {
	words := strings.Split(strings.Trim(url, "/"), "/")
	words = words[2:] // apis/group, or api/v1
	if strings.HasPrefix(url, "/apis/") {
		words = words[1:]
	}
	if len(words) > 1 && words[0] == "namespaces" {
		p.namespace, words = words[1], words[2:]
	}
	for i, to := range []*string{&p.resource, &p.name, &p.subresource} {
		if i < len(words) {
			*to = words[i]
		}
	}
	return p
}

func (p path) key(name string) string { return p.resource + "/" + p.namespace + "/" + name }

func answer(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(body)
}

func status(code int, message, name string) metav1.Status {
	reason := map[int]metav1.StatusReason{
		404: metav1.StatusReasonNotFound, 409: metav1.StatusReasonConflict, 410: metav1.StatusReasonExpired,
		403: metav1.StatusReasonForbidden, 401: metav1.StatusReasonUnauthorized, 429: metav1.StatusReasonTooManyRequests,
	}[code]
	s := metav1.Status{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: metav1.StatusFailure,
		Code: int32(code), Message: message, Reason: reason,
	}
	if name != "" {
		s.Details = &metav1.StatusDetails{Name: name}
	}
	return s
}

// one serves a request about one object.
func (f *fakeAPI) one(req *http.Request, p path) (int, any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var body map[string]any
	_ = json.NewDecoder(req.Body).Decode(&body)
	old := f.objects[p.key(p.name)]
	if old == nil && req.Method != http.MethodPost {
		return 404, status(404, p.resource+" "+p.name+" not found", p.name)
	}
	switch req.Method {
	case http.MethodGet:
		return 200, old
	case http.MethodPost:
		obj := &unstructured.Unstructured{Object: body}
		if f.objects[p.key(obj.GetName())] != nil {
			return 409, status(409, "already exists", obj.GetName())
		}
		obj.SetNamespace(p.namespace)
		obj.SetUID("uid-" + "x")
		f.put(p, "ADDED", obj)
		return 201, obj
	case http.MethodDelete:
		if v, _, _ := unstructured.NestedString(body, "preconditions", "resourceVersion"); v != "" && v != old.GetResourceVersion() {
			return 409, status(409, "changed", p.name)
		}
		f.drop(p, old)
		return 200, status(200, "", "")
	}
	if v, _, _ := unstructured.NestedString(body, "metadata", "resourceVersion"); v != "" && v != old.GetResourceVersion() {
		return 409, status(409, "changed", p.name)
	}
	next, err := merged(old, body, p.subresource == "status")
	if err != nil {
		return 400, status(400, err.Error(), p.name)
	}
	f.put(p, "MODIFIED", next)
	return 200, next
}

func merged(old *unstructured.Unstructured, patch map[string]any, onlyStatus bool) (*unstructured.Unstructured, error) {
	if onlyStatus {
		patch = map[string]any{"status": patch["status"]}
	}
	before, _ := json.Marshal(old)
	change, _ := json.Marshal(patch)
	after, err := jsonpatch.MergePatch(before, change)
	if err != nil {
		return nil, err
	}
	next := &unstructured.Unstructured{}
	return next, json.Unmarshal(after, &next.Object)
}

// put stores an object. The caller holds the lock.
func (f *fakeAPI) put(p path, kind string, obj *unstructured.Unstructured) {
	f.version++
	obj.SetResourceVersion(strconv.Itoa(f.version))
	obj.SetManagedFields(nil)
	f.objects[p.key(obj.GetName())] = obj.DeepCopy()
	f.tell(fakeEvent{f.version, kind, p.resource, obj.DeepCopy()})
}

func (f *fakeAPI) drop(p path, old *unstructured.Unstructured) {
	f.version++
	delete(f.objects, p.key(old.GetName()))
	gone := old.DeepCopy()
	gone.SetResourceVersion(strconv.Itoa(f.version))
	f.tell(fakeEvent{f.version, "DELETED", p.resource, gone})
}

func (f *fakeAPI) tell(e fakeEvent) {
	f.events = append(f.events, e)
	close(f.changed)
	f.changed = make(chan struct{})
}

func selects(req *http.Request, p path) func(*unstructured.Unstructured) bool {
	selector, err := labels.Parse(req.URL.Query().Get("labelSelector"))
	if err != nil {
		panic(err)
	}
	name, byName := strings.CutPrefix(req.URL.Query().Get("fieldSelector"), "metadata.name=")
	return func(obj *unstructured.Unstructured) bool {
		return (p.namespace == "" || obj.GetNamespace() == p.namespace || obj.GetKind() == "Status") && (selector.Matches(labels.Set(obj.GetLabels())) || obj.GetKind() == "Status") &&
			(!byName || obj.GetName() == name)
	}
}

// list serves pages of two, where the version is not "0".
func (f *fakeAPI) list(w http.ResponseWriter, req *http.Request, p path) {
	f.mu.Lock()
	defer f.mu.Unlock()
	matches, items := selects(req, p), []any{}
	first := req.URL.Query().Get("continue")
	next := ""
	for _, k := range slices.Sorted(maps.Keys(f.objects)) {
		if !strings.HasPrefix(k, p.resource+"/") || !matches(f.objects[k]) || k < first {
			continue
		}
		if len(items) == 2 && req.URL.Query().Get("resourceVersion") != "0" {
			next = k
			break
		}
		items = append(items, f.objects[k])
	}
	answer(w, 200, map[string]any{
		"apiVersion": "v1", "items": items, "kind": "List",
		"metadata": map[string]any{"resourceVersion": strconv.Itoa(f.version), "continue": next},
	})
}

func (f *fakeAPI) watch(w http.ResponseWriter, req *http.Request, p path) {
	at, _ := strconv.Atoi(req.URL.Query().Get("resourceVersion"))
	f.mu.Lock()
	if at < f.oldest {
		f.mu.Unlock()
		answer(w, 410, status(410, "too old resource version", ""))
		return
	}
	f.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	_ = http.NewResponseController(w).Flush()
	matches := selects(req, p)
	for {
		f.mu.Lock()
		events, changed := f.events, f.changed
		f.mu.Unlock()
		for _, e := range events {
			if e.version > at && e.resource == p.resource && matches(e.object) {
				fmt.Fprintf(w, `{"type":%q,"object":`, e.kind)
				_ = json.NewEncoder(w).Encode(e.object)
				fmt.Fprintln(w, "}")
			}
		}
		if len(events) > 0 {
			at = max(at, events[len(events)-1].version)
		}
		_ = http.NewResponseController(w).Flush()
		select {
		case <-req.Context().Done():
			return
		case <-changed:
		}
	}
}

// asked returns the requests since it was last called.
func (f *fakeAPI) asked() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	asked := f.requests
	f.requests = nil
	return asked
}
