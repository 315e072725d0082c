package main

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"

	"github.com/emicklei/go-restful"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metainternalversion "k8s.io/apimachinery/pkg/apis/meta/internalversion"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/apiserver/pkg/endpoints"
	"k8s.io/apiserver/pkg/endpoints/discovery"
	"k8s.io/apiserver/pkg/endpoints/openapi"
	"k8s.io/apiserver/pkg/registry/rest"
	"k8s.io/apiserver/pkg/server/mux"
	"k8s.io/apiserver/pkg/server/routes"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/component-base/version"
	"k8s.io/kube-openapi/pkg/common"
	"k8s.io/kube-openapi/pkg/handler3"
	"k8s.io/kube-openapi/pkg/spec3"
	"k8s.io/kube-openapi/pkg/validation/spec"
)

// group is a version of a group with its resources and their subresources.
type group struct {
	Group     string     `json:"group"`
	Version   string     `json:"version"`
	Resources []resource `json:"resources"`
}

type resource struct {
	// Path is a plural, or a plural and a subresource.
	Path           string   `json:"path"`
	Group          string   `json:"group"`
	Version        string   `json:"version"`
	Kind           string   `json:"kind"`
	ListKind       string   `json:"listKind"`
	Namespaced     bool     `json:"namespaced"`
	Verbs          []string `json:"verbs"`
	ReturnsDeleted bool     `json:"returnsDeleted"`
	Connect        []string `json:"connect"`
	PathSuffix     bool     `json:"pathSuffix"`
}

// install has upstream's installer make the routes of kinds, and publishes them with definitions that it is given.
func install(asked *question) (answer, error) {
	if err := apiextensions.AddToScheme(scheme.Scheme); err != nil {
		return answer{}, err
	}
	container := restful.NewContainer()
	container.ServeMux = http.NewServeMux()
	versions := map[string][]string{}
	for _, each := range asked.Groups {
		if _, _, err := endpointsOf(each).InstallREST(container); err != nil {
			return answer{}, err
		}
		versions[each.Group] = append(versions[each.Group], each.Version)
	}
	for name := range versions {
		if name != "" {
			container.Add(discovery.NewAPIGroupHandler(scheme.Codecs, metav1.APIGroup{Name: name}).WebService())
		}
	}
	container.Add(discovery.NewRootAPIsHandler(nil, scheme.Codecs).WebService())
	container.Add(discovery.NewLegacyRootAPIHandler(nil, scheme.Codecs, "/api").WebService())
	info := version.Get()
	routes.Version{Version: &info}.Install(container)

	documents := routes.OpenAPI{Config: configV2(asked.Definitions), V3Config: configV3(asked.Definitions)}
	served := mux.NewPathRecorderMux("peer")
	if asked.V2 {
		_, document := documents.InstallV2(container, served)
		return answer{Document: document}, nil
	}
	documents.InstallV3(container, served)
	var index handler3.OpenAPIV3Discovery
	if err := json.Unmarshal(get(served, "/openapi/v3"), &index); err != nil {
		return answer{}, err
	}
	parts := map[string]any{}
	for name := range index.Paths {
		parts[name] = json.RawMessage(get(served, "/openapi/v3/"+name))
	}
	return answer{Parts: parts}, nil
}

func get(served http.Handler, path string) []byte {
	recorder := httptest.NewRecorder()
	served.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, path, nil))
	return recorder.Body.Bytes()
}

func endpointsOf(each group) *endpoints.APIGroupVersion {
	storage := map[string]rest.Storage{}
	for _, one := range each.Resources {
		storage[one.Path] = storageOf(one)
	}
	root := "/apis"
	if each.Group == "" {
		root = "/api"
	}
	metaVersion := schema.GroupVersion{Version: "v1"}
	return &endpoints.APIGroupVersion{
		Storage:                    storage,
		Root:                       root,
		GroupVersion:               schema.GroupVersion{Group: each.Group, Version: each.Version},
		OptionsExternalVersion:     &metaVersion,
		MetaGroupVersion:           &metaVersion,
		Serializer:                 scheme.Codecs,
		ParameterCodec:             scheme.ParameterCodec,
		Typer:                      scheme.Scheme,
		Creater:                    scheme.Scheme,
		Convertor:                  scheme.Scheme,
		UnsafeConvertor:            scheme.Scheme,
		Defaulter:                  scheme.Scheme,
		Namer:                      runtime.Namer(nil),
		TypeConverter:              managedfields.NewDeducedTypeConverter(),
		EquivalentResourceRegistry: runtime.NewEquivalentResourceRegistry(),
	}
}

const bearer = "Bearer Token authentication"

func configV2(definitions map[string]spec.Schema) *common.Config {
	return &common.Config{
		ProtocolList:          []string{"https"},
		Info:                  &spec.Info{InfoProps: spec.InfoProps{Title: "Kubernetes"}},
		CommonResponses:       map[int]spec.Response{401: {ResponseProps: spec.ResponseProps{Description: "Unauthorized"}}},
		GetOperationIDAndTags: openapi.GetOperationIDAndTags,
		GetDefinitionName:     namedIn(definitions),
		GetDefinitions: func(common.ReferenceCallback) map[string]common.OpenAPIDefinition {
			return withDependencies(definitions)
		},
		SecurityDefinitions: &spec.SecurityDefinitions{
			"BearerToken": {SecuritySchemeProps: spec.SecuritySchemeProps{Type: "apiKey", Name: "authorization", In: "header", Description: bearer}},
		},
		DefaultSecurity: []map[string][]string{{"BearerToken": {}}},
	}
}

func configV3(definitions map[string]spec.Schema) *common.OpenAPIV3Config {
	return &common.OpenAPIV3Config{
		Info:                  &spec.Info{InfoProps: spec.InfoProps{Title: "Kubernetes"}},
		CommonResponses:       map[int]*spec3.Response{401: {ResponseProps: spec3.ResponseProps{Description: "Unauthorized"}}},
		GetOperationIDAndTags: openapi.GetOperationIDAndTags,
		GetDefinitionName:     namedIn(definitions),
		GetDefinitions: func(common.ReferenceCallback) map[string]common.OpenAPIDefinition {
			return withDependencies(definitions)
		},
		SecuritySchemes: spec3.SecuritySchemes{
			"BearerToken": {SecuritySchemeProps: spec3.SecuritySchemeProps{Type: "apiKey", Name: "authorization", In: "header", Description: bearer}},
		},
		DefaultSecurity: []map[string][]string{{"BearerToken": {}}},
	}
}

const gvks = "x-kubernetes-group-version-kind"

// namedIn says of a definition which kinds it is of; the builders write that into a copy.
func namedIn(definitions map[string]spec.Schema) func(string) (string, spec.Extensions) {
	return func(name string) (string, spec.Extensions) {
		if kinds, ok := definitions[name].Extensions[gvks]; ok {
			return name, spec.Extensions{gvks: kinds}
		}
		return name, nil
	}
}

func withDependencies(definitions map[string]spec.Schema) map[string]common.OpenAPIDefinition {
	found := map[string]common.OpenAPIDefinition{}
	for name, each := range definitions {
		names := map[string]bool{}
		collect(&each, names)
		each.Extensions = maps.Clone(each.Extensions)
		delete(each.Extensions, gvks)
		if len(each.Extensions) == 0 {
			each.Extensions = nil
		}
		found[name] = common.OpenAPIDefinition{Schema: each, Dependencies: slices.Collect(maps.Keys(names))}
	}
	return found
}

func collect(each *spec.Schema, names map[string]bool) {
	if each == nil {
		return
	}
	if at := each.Ref.String(); at != "" {
		names[at[strings.LastIndex(at, "/")+1:]] = true
	}
	for _, child := range each.Properties {
		collect(&child, names)
	}
	for _, child := range slices.Concat(each.AllOf, each.OneOf, each.AnyOf) {
		collect(&child, names)
	}
	if each.Items != nil {
		collect(each.Items.Schema, names)
	}
	if each.AdditionalProperties != nil {
		collect(each.AdditionalProperties.Schema, names)
	}
}

// storageOf says, by what it can do, what a resource is served with. Nobody calls it.
func storageOf(one resource) rest.Storage {
	verbs := slices.Sorted(slices.Values(one.Verbs))
	switch base := (kind{one}); strings.Join(verbs, " ") {
	case "create":
		return &creatable{base, creates{}}
	case "get":
		return &readableLog{base}
	case "update":
		return &updatable{base, updates{}}
	case "get list":
		return &listed{base, gets{}, lists{base}}
	case "get patch update":
		return &patchable{base, gets{}, updates{}}
	case "create delete get list patch update watch":
		return &single{base, gets{}, lists{base}, creates{}, updates{}, deletes{base}, watches{}}
	case "create delete deletecollection get list patch update watch":
		return &whole{single{base, gets{}, lists{base}, creates{}, updates{}, deletes{base}, watches{}}, deletesMany{}}
	default:
		if len(one.Connect) == 0 {
			panic("nothing is served with " + strings.Join(verbs, " "))
		}
		return &connected{base}
	}
}

type (
	creatable struct {
		kind
		creates
	}
	updatable struct {
		kind
		updates
	}
	listed struct {
		kind
		gets
		lists
	}
	patchable struct {
		kind
		gets
		updates
	}
	single struct {
		kind
		gets
		lists
		creates
		updates
		deletes
		watches
	}
	whole struct {
		single
		deletesMany
	}
	readableLog struct{ kind }
	connected   struct{ kind }
)

type kind struct{ resource }

func (k kind) New() runtime.Object                                          { return k.made(k.Kind) }
func (k kind) Destroy()                                                     {}
func (k kind) NamespaceScoped() bool                                        { return k.Namespaced }
func (k kind) GetSingularName() string                                      { return strings.ToLower(k.Kind) }
func (k kind) GroupVersionKind(schema.GroupVersion) schema.GroupVersionKind { return k.gvk(k.Kind) }

func (k kind) gvk(name string) schema.GroupVersionKind {
	return schema.GroupVersionKind{Group: k.Group, Version: k.Version, Kind: name}
}

func (k kind) made(name string) runtime.Object {
	object, err := scheme.Scheme.New(k.gvk(name))
	if err != nil {
		panic(err)
	}
	return object
}

type gets struct{}

func (gets) Get(context.Context, string, *metav1.GetOptions) (runtime.Object, error) { return nil, nil }

type lists struct{ of kind }

func (l lists) NewList() runtime.Object { return l.of.made(l.of.ListKind) }
func (lists) List(context.Context, *metainternalversion.ListOptions) (runtime.Object, error) {
	return nil, nil
}
func (lists) ConvertToTable(context.Context, runtime.Object, runtime.Object) (*metav1.Table, error) {
	return nil, nil
}

type creates struct{}

func (creates) Create(context.Context, runtime.Object, rest.ValidateObjectFunc, *metav1.CreateOptions) (runtime.Object, error) {
	return nil, nil
}

type updates struct{}

func (updates) Update(context.Context, string, rest.UpdatedObjectInfo, rest.ValidateObjectFunc, rest.ValidateObjectUpdateFunc, bool, *metav1.UpdateOptions) (runtime.Object, bool, error) {
	return nil, false, nil
}

type deletes struct{ of kind }

func (d deletes) DeleteReturnsDeletedObject() bool { return d.of.ReturnsDeleted }
func (deletes) Delete(context.Context, string, rest.ValidateObjectFunc, *metav1.DeleteOptions) (runtime.Object, bool, error) {
	return nil, false, nil
}

type deletesMany struct{}

func (deletesMany) DeleteCollection(context.Context, rest.ValidateObjectFunc, *metav1.DeleteOptions, *metainternalversion.ListOptions) (runtime.Object, error) {
	return nil, nil
}

type watches struct{}

func (watches) Watch(context.Context, *metainternalversion.ListOptions) (watch.Interface, error) {
	return nil, nil
}

func (r *readableLog) Get(context.Context, string, runtime.Object) (runtime.Object, error) {
	return nil, nil
}
func (r *readableLog) NewGetOptions() (runtime.Object, bool, string) {
	return r.made(r.Kind + "LogOptions"), false, ""
}
func (r *readableLog) ProducesMIMETypes(string) []string { return []string{"text/plain"} }
func (r *readableLog) ProducesObject(string) any         { return "" }

func (c *connected) Connect(context.Context, string, runtime.Object, rest.Responder) (http.Handler, error) {
	return nil, nil
}
func (c *connected) NewConnectOptions() (runtime.Object, bool, string) {
	return c.made(c.Kind), c.PathSuffix, "path"
}
func (c *connected) ConnectMethods() []string { return c.resource.Connect }
