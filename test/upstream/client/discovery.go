package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/disk"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/openapi"
	"k8s.io/client-go/openapi3"
	"k8s.io/client-go/restmapper"
)

// Aggregated, by group and cached discovery say the same, mappers find every name, and documents name every kind.
func discovering(r *run) {
	aggregated := discovery.NewDiscoveryClientForConfigOrDie(r.config)
	_, lists, err := aggregated.ServerGroupsAndResources()
	r.must("aggregated discovery", err)
	legacy := discovery.NewDiscoveryClientForConfigOrDie(r.config)
	legacy.UseLegacyDiscovery = true
	_, byGroup, err := legacy.ServerGroupsAndResources()
	r.must("discovery by group", err)
	described := func(lists []*metav1.APIResourceList) []string {
		lines := []string{}
		for _, list := range lists {
			for _, resource := range list.APIResources {
				slices.Sort(resource.Verbs)
				slices.Sort(resource.ShortNames)
				slices.Sort(resource.Categories)
				version := schema.GroupVersion{Group: resource.Group, Version: resource.Version}.String()
				// Aggregated discovery names the version of every kind, the other only where it is not the list's; and gives subresources their parent's singular name.
				if resource.Version == "" {
					version = list.GroupVersion
				}
				if strings.Contains(resource.Name, "/") {
					resource.SingularName = ""
				}
				lines = append(lines, fmt.Sprintf("%s %s %q %t %s %s %v %v %v", list.GroupVersion, resource.Name, resource.SingularName, resource.Namespaced, version, resource.Kind, resource.Verbs, resource.ShortNames, resource.Categories))
			}
		}
		slices.Sort(lines)
		return lines
	}
	one, other := described(lists), described(byGroup)
	for _, line := range one {
		r.expect(slices.Contains(other, line), "only in aggregated discovery: %s", line)
	}
	for _, line := range other {
		r.expect(slices.Contains(one, line), "only in discovery by group: %s", line)
	}
	r.note("resources", len(one))

	directory, err := os.MkdirTemp("", "t8s-discovery-")
	r.must("directory", err)
	defer os.RemoveAll(directory)
	for range 2 {
		cached, err := disk.NewCachedDiscoveryClientForConfig(r.config, directory+"/discovery", directory+"/http", time.Minute)
		r.must("cached discovery", err)
		_, kept, err := cached.ServerGroupsAndResources()
		r.must("cached resources", err)
		r.same("cached resources", len(described(kept)), len(one))
		r.mapped(cached)
	}
	version, err := aggregated.ServerVersion()
	r.must("version", err)
	r.expect(strings.HasPrefix(version.GitVersion, "v1.36."), "version %s", version.GitVersion)
	r.documents(lists)
}

func (r *run) mapped(cached discovery.CachedDiscoveryInterface) {
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(cached))
	short := restmapper.NewShortcutExpander(mapper, cached, func(warning string) { r.fault("warning: %s", warning) })
	for name, want := range map[string]schema.GroupVersionResource{
		"po":                       {Version: "v1", Resource: "pods"},
		"deploy":                   {Group: "apps", Version: "v1", Resource: "deployments"},
		"events":                   {Version: "v1", Resource: "events"},
		"hpa":                      {Group: "autoscaling", Version: "v2", Resource: "horizontalpodautoscalers"},
		"csr":                      {Group: "certificates.k8s.io", Version: "v1", Resource: "certificatesigningrequests"},
		"pdb":                      {Group: "policy", Version: "v1", Resource: "poddisruptionbudgets"},
		"endpointslice":            {Group: "discovery.k8s.io", Version: "v1", Resource: "endpointslices"},
		"customresourcedefinition": {Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"},
	} {
		found, err := short.ResourceFor(schema.GroupVersionResource{Resource: name})
		r.expect(err == nil && found == want, "%s is %v (%v), want %v", name, found, err, want)
	}
	_, err := mapper.RESTMapping(schema.GroupKind{Group: "example.com", Kind: "Odd"})
	r.expect(meta.IsNoMatchError(err), "a kind that is not there: %v", err)
	mapping, err := mapper.RESTMapping(schema.GroupKind{Group: "autoscaling", Kind: "HorizontalPodAutoscaler"}, "v1")
	r.expect(err == nil && mapping.Resource.Version == "v1" && mapping.Scope.Name() == meta.RESTScopeNameNamespace, "mapping of autoscaling/v1: %v, %v", mapping, err)
	all, _ := restmapper.NewDiscoveryCategoryExpander(cached).Expand("all")
	r.expect(len(all) >= 10, "category all: %v", all)
}

// OpenAPI v3 has each kind of discovery, v2 can be read from protobuf, and both make a type converter.
func (r *run) documents(lists []*metav1.APIResourceList) {
	client := r.json.Discovery().OpenAPIV3()
	root := openapi3.NewRoot(client)
	versions, err := root.GroupVersions()
	r.must("OpenAPI paths", err)
	for _, list := range lists {
		version, err := schema.ParseGroupVersion(list.GroupVersion)
		r.must("group version", err)
		if !r.expect(slices.Contains(versions, version), "no OpenAPI of %s", list.GroupVersion) {
			continue
		}
		spec, err := root.GVSpec(version)
		r.must("OpenAPI of "+list.GroupVersion, err)
		for _, resource := range list.APIResources {
			if strings.Contains(resource.Name, "/") {
				continue
			}
			found := false
			for _, defined := range spec.Components.Schemas {
				found = found || strings.Contains(fmt.Sprint(defined.Extensions["x-kubernetes-group-version-kind"]), "kind:"+resource.Kind+" ")
			}
			r.expect(found, "no schema of %s %s", list.GroupVersion, resource.Kind)
		}
	}
	for path, version := range r.openapiPaths(client) {
		protobuf, err := version.Schema("application/com.github.proto-openapi.spec.v3.v1.0+protobuf")
		r.expect(err == nil && len(protobuf) > 0, "protobuf of %s: %d bytes, %v", path, len(protobuf), err)
	}
	old, err := r.json.Discovery().OpenAPISchema()
	r.must("OpenAPI v2", err)
	r.expect(len(old.Definitions.AdditionalProperties) > 500, "%d definitions", len(old.Definitions.AdditionalProperties))
	_, err = openapi.NewTypeConverter(client, true)
	r.must("type converter", err)
}

func (r *run) openapiPaths(client openapi.Client) map[string]openapi.GroupVersion {
	paths, err := client.Paths()
	r.must("paths", err)
	return paths
}
