package main

import (
	"fmt"
	"strings"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
)

// A namespace of the scenario's own.
func (r *run) namespace(name string) string {
	_, err := r.json.CoreV1().Namespaces().Create(r, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
	r.must("namespace "+name, err)
	return name
}

func configMap(name string, data map[string]string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}, Data: data}
}

// What discovery names that can be listed, in its preferred versions.
func (r *run) listable() []schema.GroupVersionResource {
	lists, err := discovery.ServerPreferredResources(r.json.Discovery())
	r.must("preferred resources", err)
	listed, err := discovery.GroupVersionResources(discovery.FilteredBy(discovery.SupportsAllVerbs{Verbs: []string{"list", "watch"}}, lists))
	r.must("resources", err)
	resources := []schema.GroupVersionResource{}
	for resource := range listed {
		resources = append(resources, resource)
	}
	return resources
}

// Every kind reads the same as JSON and as protobuf, by typed, dynamic and metadata clients.
func kindsInAllForms(r *run) {
	resources, objects := r.listable(), 0
	for _, resource := range resources {
		if !scheme.Scheme.IsVersionRegistered(resource.GroupVersion()) {
			continue
		}
		fromJSON, fromProtobuf := r.listTyped(r.config, resource), r.listTyped(protobufConfig(r.config), resource)
		if fromJSON == nil || fromProtobuf == nil {
			continue
		}
		objects += meta.LenList(fromJSON)
		r.compareLists(resource, fromJSON, fromProtobuf)
		r.compareDynamic(resource, fromJSON)
		r.compareMetadata(resource, fromJSON)
	}
	r.note("kinds", len(resources))
	r.note("objects", objects)
}

func (r *run) listTyped(config *rest.Config, resource schema.GroupVersionResource) runtime.Object {
	version := resource.GroupVersion()
	config = rest.CopyConfig(config)
	config.GroupVersion = &version
	config.APIPath = "/apis"
	if version.Group == "" {
		config.APIPath = "/api"
	}
	config.NegotiatedSerializer = scheme.Codecs.WithoutConversion()
	client, err := rest.RESTClientFor(config)
	r.must("client", err)
	var got string
	result := client.Get().Resource(resource.Resource).Do(r)
	list, err := result.ContentType(&got).Get()
	r.must(fmt.Sprintf("list %v as %v", resource, config.ContentType), err)
	if config.ContentType != "" {
		r.same(resource.String()+" content type", got, config.ContentType)
	}
	return list
}

func items(list runtime.Object) []runtime.Object {
	objects, err := meta.ExtractList(list)
	if err != nil {
		panic(err)
	}
	return objects
}

func nameOf(object runtime.Object) string {
	accessor, err := meta.Accessor(object)
	if err != nil {
		panic(err)
	}
	return accessor.GetNamespace() + "/" + accessor.GetName()
}

func versionOf(object runtime.Object) string {
	accessor, err := meta.Accessor(object)
	if err != nil {
		panic(err)
	}
	return accessor.GetResourceVersion()
}

// Objects of two lists that are at the same version are the same; those that changed in between prove nothing.
func (r *run) pairs(what string, one, other []runtime.Object, compare func(one, other runtime.Object)) {
	versions := map[string]runtime.Object{}
	for _, object := range other {
		versions[nameOf(object)] = object
	}
	compared := 0
	for _, object := range one {
		if match := versions[nameOf(object)]; match != nil && versionOf(match) == versionOf(object) {
			compare(object, match)
			compared++
		}
	}
	r.expect(compared > 0 || len(one) == 0, "%s: none of %d objects to compare", what, len(one))
}

func (r *run) compareLists(resource schema.GroupVersionResource, fromJSON, fromProtobuf runtime.Object) {
	r.pairs(resource.String(), items(fromJSON), items(fromProtobuf), func(one, other runtime.Object) {
		r.expect(equality.Semantic.DeepEqual(one, other), "%v %s: JSON and protobuf differ: %s", resource, nameOf(one), cmp.Diff(one, other))
	})
}

func (r *run) compareDynamic(resource schema.GroupVersionResource, typed runtime.Object) {
	list, err := r.dynamic.Resource(resource).List(r, metav1.ListOptions{})
	r.must("dynamic list of "+resource.String(), err)
	objects := []runtime.Object{}
	for index := range list.Items {
		objects = append(objects, &list.Items[index])
	}
	r.pairs(resource.String(), items(typed), objects, func(one, other runtime.Object) {
		untyped, err := runtime.DefaultUnstructuredConverter.ToUnstructured(one)
		r.must("unstructured", err)
		content := other.(runtime.Unstructured).UnstructuredContent()
		// A typed list's items have no type of their own, and Go prints fields of structs that JSON leaves out.
		for _, field := range []string{"kind", "apiVersion"} {
			delete(content, field)
			delete(untyped, field)
		}
		wanted := runtime.DeepCopyJSON(content)
		fresh := one.DeepCopyObject()
		r.must("strict decoding of "+nameOf(one), runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(wanted, fresh, true))
	})
}

func (r *run) compareMetadata(resource schema.GroupVersionResource, typed runtime.Object) {
	client := metadata.NewForConfigOrDie(r.config)
	list, err := client.Resource(resource).List(r, metav1.ListOptions{})
	r.must("metadata of "+resource.String(), err)
	objects := []runtime.Object{}
	for index := range list.Items {
		objects = append(objects, &list.Items[index])
	}
	r.pairs(resource.String(), items(typed), objects, func(one, other runtime.Object) {
		accessor, err := meta.Accessor(one)
		r.must("accessor", err)
		partial := other.(*metav1.PartialObjectMetadata)
		r.expect(equality.Semantic.DeepEqual(meta.AsPartialObjectMetadata(accessor).ObjectMeta, partial.ObjectMeta), "%v %s: metadata differs", resource, nameOf(one))
	})
}

// Deletes by name and waits for the end, through the dynamic client.
func (r *run) remove(client dynamic.ResourceInterface, name string) {
	r.must("delete "+name, client.Delete(r, name, metav1.DeleteOptions{}))
	r.eventually(name+" is gone", func() bool {
		_, err := client.Get(r, name, metav1.GetOptions{})
		return err != nil && strings.Contains(err.Error(), "not found")
	})
}
