package remote

import (
	"encoding/json"
	"errors"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"

	"fairlead.dev/fairlead/hub"
)

// errForeign says that what the hub sent is not what a Kubernetes API sends.
var errForeign = errors.New("the answer is not that of a Kubernetes API")

// readList reads a list as an API server writes it, and calls item for each item, which must read just that.
func readList(dec *json.Decoder, meta *metav1.ListMeta, item func(*json.Decoder) error) error {
	if err := expect(dec, json.Delim('{')); err != nil {
		return err
	}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return err
		}
		switch name {
		case "metadata":
			err = dec.Decode(meta)
		case "items":
			err = readItems(dec, item)
		default:
			var skipped json.RawMessage
			err = dec.Decode(&skipped)
		}
		if err != nil {
			return err
		}
	}
	return expect(dec, json.Delim('}'))
}

func readItems(dec *json.Decoder, item func(*json.Decoder) error) error {
	switch t, err := dec.Token(); {
	case err != nil:
		return err
	case t == nil: // null: no items
		return nil
	case t != json.Delim('['):
		return errForeign
	}
	for dec.More() {
		if err := item(dec); err != nil {
			return err
		}
	}
	return expect(dec, json.Delim(']'))
}

func expect(dec *json.Decoder, want json.Token) error {
	got, err := dec.Token()
	if err == nil && got != want {
		err = errForeign
	}
	return err
}

// frame is one event of a watch as it travels.
type frame struct {
	Type   watch.EventType `json:"type"`
	Object json.RawMessage `json:"object"`
}

// read reads the frame's object: of a bookmark nothing but the version counts. An error that the hub sent is returned as one of package hub,
// and so is a frame that is none.
func (f frame) read(k *kind) (hub.Object, error) {
	switch f.Type {
	case watch.Added, watch.Modified, watch.Deleted, watch.Bookmark:
		return decode(k, f.Object)
	case watch.Error:
		var status metav1.Status
		if err := json.Unmarshal(f.Object, &status); err != nil {
			return nil, translate(errForeign)
		}
		return nil, translate(apierrors.FromObject(&status))
	}
	return nil, translate(errForeign)
}
