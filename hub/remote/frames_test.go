package remote

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"

	"fairlead.dev/fairlead/hub"
)

// names reads a list and returns the names in it.
func names(list string) (names []string, version string, err error) {
	var meta metav1.ListMeta
	err = readList(json.NewDecoder(strings.NewReader(list)), &meta, func(dec *json.Decoder) error {
		obj := services.make()
		if err := dec.Decode(obj); err != nil {
			return err
		}
		names = append(names, obj.GetName())
		return nil
	})
	return names, meta.ResourceVersion, err
}

func TestAListIsReadItemByItem(t *testing.T) {
	for _, c := range []struct {
		list, names, version string
		fails                bool
	}{
		{`{"items":[{"metadata":{"name":"a"}},{"metadata":{"name":"b"}}],"kind":"List","metadata":{"resourceVersion":"7"}}`, "a b", "7", false},
		{`{"metadata":{"resourceVersion":"7"},"items":[]}`, "", "7", false},
		{`{"items":null,"metadata":{"resourceVersion":"7"}}`, "", "7", false},
		{`{"more":{"than":["is","known"]},"items":[{"metadata":{"name":"a"},"x":1}]}`, "a", "", false},
		{`{"items":{}}`, "", "", true},
		{`{"items":[1]}`, "", "", true},
		{`{"items":[{"metadata":{"name":"a"}}`, "a", "", true},
		{`[]`, "", "", true},
		{`<html>`, "", "", true},
		{``, "", "", true},
	} {
		got, version, err := names(c.list)
		if (err != nil) != c.fails || strings.Join(got, " ") != c.names || version != c.version {
			t.Errorf("%s: names %q, version %q, %v", c.list, got, version, err)
		}
	}
}

func TestAFrameIsAnObjectOrAnError(t *testing.T) {
	for _, c := range []struct {
		kind   watch.EventType
		object string
		want   error
	}{
		{watch.Added, `{"metadata":{"name":"a"}}`, nil},
		{watch.Bookmark, `{"metadata":{"resourceVersion":"9"}}`, nil},
		{watch.Error, `{"kind":"Status","code":410,"reason":"Expired","message":"too old"}`, hub.ErrExpired},
		{watch.Error, `{"kind":"Status","code":500,"message":"etcd"}`, hub.ErrDown},
		{watch.Error, `"nonsense"`, hub.ErrDown},
		{"SOMETHING", `{}`, hub.ErrDown},
	} {
		_, err := frame{c.kind, json.RawMessage(c.object)}.read(services)
		if !errors.Is(err, c.want) {
			t.Errorf("%s %s: %v, want %v", c.kind, c.object, err, c.want)
		}
	}
}

func FuzzAnAnswerOfAHub(f *testing.F) {
	f.Add(`{"items":[{"metadata":{"name":"a"}}],"metadata":{"resourceVersion":"7"}}`)
	f.Add(`{"type":"ADDED","object":{"metadata":{"name":"a"},"spec":{"packed":"AA=="}}}`)
	f.Add(`{"type":"ERROR","object":{"code":410}}`)
	f.Fuzz(func(t *testing.T, answer string) {
		_, _, _ = names(answer)
		for dec := json.NewDecoder(strings.NewReader(answer)); ; {
			var fr frame
			if err := dec.Decode(&fr); err != nil {
				if !errors.Is(err, io.EOF) && translate(err) == nil {
					t.Error("an error became none")
				}
				return
			}
			for _, k := range []*kind{members, services, endpoints} {
				if obj, err := fr.read(k); (obj == nil) == (err == nil) {
					t.Errorf("%s: object %v, error %v", answer, obj, err)
				}
			}
		}
	})
}
