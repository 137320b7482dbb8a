package hub

import (
	"encoding/json"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"fairlead.dev/fairlead/api/v1alpha1"
)

// id names an object on the hub.
type id struct {
	namespace, kind, name string
}

func (i id) String() string { return i.kind + " " + i.namespace + "/" + i.name }

func idOf(obj Object) id { return id{obj.GetNamespace(), KindOf(obj), obj.GetName()} }

// KindOf returns the kind of an object. It panics on what has no place on a hub: our bug.
func KindOf(obj Object) string {
	switch obj.(type) {
	case *v1alpha1.Member:
		return "Member"
	case *v1alpha1.ServiceRecord:
		return "ServiceRecord"
	case *v1alpha1.EndpointRecord:
		return "EndpointRecord"
	}
	panic(fmt.Sprintf("hub: %T has no place on a hub", obj))
}

// encode writes the object as an API server would: with its kind.
func encode(obj Object) []byte {
	obj.GetObjectKind().SetGroupVersionKind(schema.GroupVersionKind{Group: v1alpha1.Group, Version: v1alpha1.Version, Kind: KindOf(obj)})
	b, err := json.Marshal(obj)
	if err != nil {
		panic("hub: encode: " + err.Error()) // plain structs: cannot happen
	}
	return b
}

// decode reads what encode wrote.
func decode(b []byte) Object {
	var meta metav1.TypeMeta
	if err := json.Unmarshal(b, &meta); err != nil {
		panic("hub: decode: " + err.Error())
	}
	var obj Object
	switch meta.Kind {
	case "Member":
		obj = new(v1alpha1.Member)
	case "ServiceRecord":
		obj = new(v1alpha1.ServiceRecord)
	case "EndpointRecord":
		obj = new(v1alpha1.EndpointRecord)
	default:
		panic("hub: decode: unknown kind " + meta.Kind)
	}
	if err := json.Unmarshal(b, obj); err != nil {
		panic("hub: decode: " + err.Error())
	}
	return obj
}
