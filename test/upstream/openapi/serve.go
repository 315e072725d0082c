package main

import (
	"net/http"
	"net/http/httptest"
	"strings"

	"k8s.io/apiserver/pkg/server/mux"
	"k8s.io/kube-openapi/pkg/aggregator"
	"k8s.io/kube-openapi/pkg/handler"
	"k8s.io/kube-openapi/pkg/handler3"
	"k8s.io/kube-openapi/pkg/spec3"
	"k8s.io/kube-openapi/pkg/validation/spec"
)

// merge adds another server's document to one, as the aggregator does.
func merge(document, other *spec.Swagger) (answer, error) {
	filtered := aggregator.FilterSpecByPathsWithoutSideEffects(other, []string{"/apis/"})
	err := aggregator.MergeSpecsIgnorePathConflictRenamingDefinitionsAndParameters(document, filtered)
	return answer{Document: document}, err
}

// shared is what serves a small document of either version, at /openapi/v2 and /openapi/v3/apis/example.com/v1.
var shared = func() http.Handler {
	served := mux.NewPathRecorderMux("peer")
	info := &spec.Info{InfoProps: spec.InfoProps{Title: "a", Version: "b"}}
	old := &spec.Swagger{SwaggerProps: spec.SwaggerProps{Swagger: "2.0", Info: info, Paths: &spec.Paths{}}}
	handler.RegisterOpenAPIVersionedService(old, "/openapi/v2", served)
	service := handler3.NewOpenAPIService()
	if err := service.RegisterOpenAPIV3VersionedService("/openapi/v3", served); err != nil {
		panic(err)
	}
	service.UpdateGroupVersion("apis/example.com/v1", &spec3.OpenAPI{Version: "3.0.0", Info: info, Paths: &spec3.Paths{}})
	return served
}()

func serve(asked *question) answer {
	request := httptest.NewRequest(asked.Method, asked.Target, nil)
	for name, value := range asked.Headers {
		request.Header.Set(name, value)
	}
	recorder := httptest.NewRecorder()
	shared.ServeHTTP(recorder, request)
	headers := map[string]string{}
	for name, values := range recorder.Header() {
		headers[name] = strings.Join(values, ", ")
	}
	return answer{Status: recorder.Code, Headers: headers, Body: recorder.Body.String()}
}
