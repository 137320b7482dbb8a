package remote

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"

	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/hub"
)

// pageSize bounds one answer to a list, where the hub heeds that.
const pageSize = 500

// What asks for objects without all that the caller knows already, or has no use for.
const (
	metadataOnly     = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1, application/json"
	listMetadataOnly = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1, application/json"
)

// api speaks with the hub. Its errors are those of package hub (errors.go).
type api struct {
	rest *rest.RESTClient
	log  *slog.Logger
}

func newAPI(config *rest.Config, credentials *Credentials) (*api, error) {
	client, err := httpClient(config, credentials)
	if err != nil {
		return nil, err
	}
	c, err := restClient(config, client)
	if err != nil {
		return nil, err
	}
	return &api{c, slog.New(slog.DiscardHandler)}, nil
}

// restClient builds requests and reads errors; objects are read and written by this package itself, as plain JSON.
func restClient(config *rest.Config, client *http.Client) (*rest.RESTClient, error) {
	scheme := runtime.NewScheme()
	metav1.AddToGroupVersion(scheme, schema.GroupVersion{Version: "v1"})
	config = rest.CopyConfig(config)
	config.APIPath = "/apis"
	config.GroupVersion = &schema.GroupVersion{Group: v1alpha1.Group, Version: v1alpha1.Version}
	config.NegotiatedSerializer = serializer.NewCodecFactory(scheme).WithoutConversion()
	config.ContentType, config.AcceptContentTypes = runtime.ContentTypeJSON, runtime.ContentTypeJSON
	config.QPS, config.RateLimiter = -1, nil
	config.WarningHandler = rest.NoWarnings{}
	return rest.RESTClientForConfigAndClient(config, client)
}

// get reads an object as the hub has it now.
func (a *api) get(ctx context.Context, k *kind, namespace, name string) (hub.Object, error) {
	body, err := raw(ctx, a.rest.Get().Namespace(namespace).Resource(k.resource).Name(name).MaxRetries(0))
	return decoded(k, body, err)
}

func (a *api) create(ctx context.Context, obj hub.Object) (hub.Object, error) {
	k := kindOf(obj)
	body, err := raw(ctx, a.rest.Post().Namespace(obj.GetNamespace()).Resource(k.resource).MaxRetries(0).Body(encode(obj)))
	return decoded(k, body, err)
}

// patch changes an object, or one of its subresources, by a JSON merge patch and returns what the API server noted of it.
func (a *api) patch(ctx context.Context, k *kind, namespace, name, subresource string, patch []byte) (metav1.ObjectMeta, error) {
	var result metav1.PartialObjectMetadata
	r := a.rest.Patch(types.MergePatchType).Namespace(namespace).Resource(k.resource).Name(name)
	if subresource != "" {
		r = r.SubResource(subresource)
	}
	body, err := raw(ctx, r.SetHeader("Accept", metadataOnly).MaxRetries(0).Body(patch))
	if err == nil {
		err = json.Unmarshal(body, &result)
	}
	return result.ObjectMeta, translate(err)
}

// remove deletes an object, if it still has this version; the empty version is any.
func (a *api) remove(ctx context.Context, k *kind, namespace, name, version string) error {
	o := metav1.DeleteOptions{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "DeleteOptions"}}
	if version != "" {
		o.Preconditions = &metav1.Preconditions{ResourceVersion: &version}
	}
	body, err := json.Marshal(o)
	if err != nil {
		return err
	}
	_, err = raw(ctx, a.rest.Delete().Namespace(namespace).Resource(k.resource).Name(name).MaxRetries(0).Body(body))
	return translate(err)
}

// list reads what a selector selects, in pages where the hub makes some, and returns the version from which to watch. The version to begin
// with is "0" for whatever the hub has at hand, empty for what it has now, or one which the answer must not be older than.
func (a *api) list(ctx context.Context, k *kind, namespace, selector, version string) (all []hub.Object, at string, err error) {
	for next := ""; ; {
		r := a.rest.Get().Resource(k.resource).Param("limit", strconv.Itoa(pageSize)).MaxRetries(0)
		if namespace != "" {
			r = r.Namespace(namespace)
		}
		if selector != "" {
			r = r.Param("labelSelector", selector)
		}
		switch {
		case next != "":
			r = r.Param("continue", next)
		case version == "0":
			r = r.Param("resourceVersion", "0")
		case version != "":
			r = r.Param("resourceVersion", version).Param("resourceVersionMatch", "NotOlderThan")
		}
		var meta metav1.ListMeta
		if meta, err = a.page(ctx, r, k, &all); err != nil {
			return nil, "", err
		}
		if at, next = meta.ResourceVersion, meta.Continue; next == "" {
			return all, at, nil
		}
	}
}

// page reads one page, object by object, lest the whole of it is held twice. An object that cannot be read does not keep the others back.
func (a *api) page(ctx context.Context, r *rest.Request, k *kind, all *[]hub.Object) (meta metav1.ListMeta, err error) {
	body, err := r.Stream(quietly(ctx))
	if err != nil {
		return meta, translate(err)
	}
	defer body.Close()
	var item json.RawMessage
	err = readList(json.NewDecoder(body), &meta, func(dec *json.Decoder) error {
		if err := dec.Decode(&item); err != nil {
			return err
		}
		obj, err := decode(k, item)
		if err != nil {
			a.log.Warn("object of the hub not read", "err", err)
			return nil
		}
		*all = append(*all, obj)
		return nil
	})
	return meta, translate(err)
}

// revision returns the version that the hub is at.
func (a *api) revision(ctx context.Context) (string, error) {
	body, err := raw(ctx, a.rest.Get().Resource(members.resource).Param("limit", "1").SetHeader("Accept", listMetadataOnly).MaxRetries(0))
	var list metav1.PartialObjectMetadataList
	if err == nil {
		err = json.Unmarshal(body, &list)
	}
	return list.ResourceVersion, translate(err)
}

// watch opens a watch from a version on. The caller closes it.
func (a *api) watch(ctx context.Context, k *kind, namespace, selector, version string) (io.ReadCloser, error) {
	r := a.rest.Get().Resource(k.resource).Param("watch", "1").Param("allowWatchBookmarks", "true").Param("resourceVersion", version)
	if namespace != "" {
		r = r.Namespace(namespace)
	}
	if selector != "" {
		r = r.Param("labelSelector", selector)
	}
	body, err := r.MaxRetries(0).Stream(quietly(ctx))
	return body, translate(err)
}

// quietly keeps the client library from logging what is returned as an error.
func quietly(ctx context.Context) context.Context { return klog.NewContext(ctx, logr.Discard()) }

// raw returns the body of an answer, or the error that it tells.
func raw(ctx context.Context, r *rest.Request) ([]byte, error) {
	result := r.Do(quietly(ctx))
	if err := result.Error(); err != nil { // which reads what the API server says, other than what Raw returns
		return nil, err
	}
	return result.Raw()
}

func decoded(k *kind, body []byte, err error) (hub.Object, error) {
	if err != nil {
		return nil, translate(err)
	}
	obj, err := decode(k, body)
	return obj, translate(err)
}

// decode reads an object, without what it says of who manages it.
func decode(k *kind, body []byte) (hub.Object, error) {
	obj := k.make()
	if err := json.Unmarshal(body, obj); err != nil {
		return nil, fmt.Errorf("read one of the %s: %w", k.resource, err)
	}
	obj.SetManagedFields(nil)
	return obj, nil
}

func encode(obj hub.Object) []byte {
	obj = obj.DeepCopyObject().(hub.Object)
	obj.GetObjectKind().SetGroupVersionKind(schema.GroupVersionKind{Group: v1alpha1.Group, Version: v1alpha1.Version, Kind: hub.KindOf(obj)})
	b, err := json.Marshal(obj)
	if err != nil {
		panic("remote: encode: " + err.Error()) // plain structs: cannot happen
	}
	return b
}
