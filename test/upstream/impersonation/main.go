// Runs upstream's filters of impersonation over requests that each line describes, with an authorizer that does what the line says, and tells what came of them.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/selection"
	"k8s.io/apimachinery/pkg/util/sets"
	auditinternal "k8s.io/apiserver/pkg/apis/audit"
	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"
	"k8s.io/apiserver/pkg/audit"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/apiserver/pkg/endpoints/filters"
	"k8s.io/apiserver/pkg/endpoints/filters/impersonation"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/component-base/metrics/legacyregistry"
	"k8s.io/klog/v2"
)

type person struct {
	Username string              `json:"username"`
	UID      string              `json:"uid,omitempty"`
	Groups   []string            `json:"groups"`
	Extra    map[string][]string `json:"extra,omitempty"`
}

func personOf(u user.Info) *person {
	if u == nil {
		return nil
	}
	groups := u.GetGroups()
	if groups == nil {
		groups = []string{}
	}
	return &person{u.GetName(), u.GetUID(), groups, u.GetExtra()}
}

// What somebody is asked; a rule has only the fields that have to be so.
type asked struct {
	User        *person  `json:"user,omitempty"`
	Verb        string   `json:"verb"`
	Group       string   `json:"group,omitempty"`
	Version     string   `json:"version,omitempty"`
	Resource    string   `json:"resource,omitempty"`
	Subresource string   `json:"subresource,omitempty"`
	Namespace   string   `json:"namespace,omitempty"`
	Name        string   `json:"name,omitempty"`
	Path        string   `json:"path,omitempty"`
	Selectors   []string `json:"selectors,omitempty"`
}

type rule struct {
	Verb, Resource, Name, Subresource *string
	Decision                          string
	Reason, Error                     string
}

func (r rule) fits(a authorizer.Attributes) bool {
	same := func(wanted *string, actual string) bool { return wanted == nil || *wanted == actual }
	return same(r.Verb, a.GetVerb()) && same(r.Resource, a.GetResource()) && same(r.Name, a.GetName()) && same(r.Subresource, a.GetSubresource())
}

type question struct {
	// A new filter is to be made, with the gate on or off.
	Begin *bool
	// A server of everybody's is to be started, which says on whose behalf a request is; its address is the answer.
	Listen bool
	// Whether the request itself is to be authorized, instead of whom it would be by.
	Authorize   bool
	SleepMs     int
	Metrics     bool
	Method, URI string
	Headers     [][2]string
	User        person
	Rules       []rule
}

type answer struct {
	Status     int             `json:"status"`
	Body       json.RawMessage `json:"body,omitempty"`
	User       *person         `json:"user,omitempty"`
	Questions  []asked         `json:"questions"`
	Audited    *person         `json:"audited,omitempty"`
	Constraint string          `json:"constraint,omitempty"`
	Text       string          `json:"text,omitempty"`
	// Of the audit event.
	Annotations map[string]string `json:"annotations,omitempty"`
}

var codecs = serializer.NewCodecFactory(func() *runtime.Scheme {
	scheme := runtime.NewScheme()
	metav1.AddToGroupVersion(scheme, schema.GroupVersion{Version: "v1"})
	return scheme
}())

var infos = &request.RequestInfoFactory{APIPrefixes: sets.NewString("api", "apis"), GrouplessAPIPrefixes: sets.NewString("api")}

// The rules and what was asked of the request that is served now.
type script struct {
	rules     []rule
	questions []asked
}

func (s *script) Authorize(_ context.Context, a authorizer.Attributes) (authorizer.Decision, string, error) {
	put := asked{User: personOf(a.GetUser()), Verb: a.GetVerb()}
	if a.IsResourceRequest() {
		put.Group, put.Version, put.Resource, put.Subresource = a.GetAPIGroup(), a.GetAPIVersion(), a.GetResource(), a.GetSubresource()
		put.Namespace, put.Name = a.GetNamespace(), a.GetName()
		fields, _ := a.GetFieldSelector()
		for _, each := range fields {
			put.Selectors = append(put.Selectors, each.Field)
		}
		labels, _ := a.GetLabelSelector()
		for _, each := range labels {
			// Comparisons of numbers are told to no authorizer behind a review.
			if each.Operator() != selection.GreaterThan && each.Operator() != selection.LessThan {
				put.Selectors = append(put.Selectors, each.Key())
			}
		}
	} else {
		put.Path = a.GetPath()
	}
	s.questions = append(s.questions, put)
	for _, each := range s.rules {
		if !each.fits(a) {
			continue
		}
		var err error
		if each.Error != "" {
			err = errors.New(each.Error)
		}
		switch each.Decision {
		case "allow":
			return authorizer.DecisionAllow, each.Reason, err
		case "deny":
			return authorizer.DecisionDeny, each.Reason, err
		}
		return authorizer.DecisionNoOpinion, each.Reason, err
	}
	return authorizer.DecisionNoOpinion, "", nil
}

type filter struct {
	script  script
	handler http.Handler
	reached *http.Request
}

func newFilter(isConstrained, authorizes bool) *filter {
	made := &filter{}
	last := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { made.reached = r })
	if authorizes {
		made.handler = filters.WithAuthorization(last, &made.script, codecs)
	} else if isConstrained {
		made.handler = impersonation.WithConstrainedImpersonation(last, &made.script, codecs)
	} else {
		made.handler = impersonation.WithImpersonation(last, &made.script, codecs)
	}
	return made
}

func (f *filter) serve(q question) answer {
	f.script = script{rules: q.Rules, questions: []asked{}}
	f.reached = nil
	r := httptest.NewRequest(q.Method, q.URI, nil)
	for _, each := range q.Headers {
		r.Header.Add(each[0], each[1])
	}
	info, err := infos.NewRequestInfo(r)
	if err != nil {
		panic(err)
	}
	ctx := audit.WithAuditContext(request.WithRequestInfo(r.Context(), info))
	recorded := &recorder{}
	kept := audit.AuditContextFrom(ctx)
	if err := kept.Init(audit.RequestAuditConfig{Level: auditinternal.LevelMetadata}, recorded); err != nil {
		panic(err)
	}
	if q.User.Username != "" {
		ctx = request.WithUser(ctx, &user.DefaultInfo{Name: q.User.Username, UID: q.User.UID, Groups: q.User.Groups, Extra: q.User.Extra})
	}
	w := httptest.NewRecorder()
	f.handler.ServeHTTP(w, r.WithContext(ctx))
	said := answer{Status: w.Code, Questions: f.script.questions}
	if json.Valid(w.Body.Bytes()) {
		said.Body = w.Body.Bytes()
	} else {
		said.Text = w.Body.String()
	}
	if f.reached != nil {
		now, _ := request.UserFrom(f.reached.Context())
		said.User = personOf(now)
	}
	kept.ProcessEventStage(ctx, auditinternal.StageResponseComplete)
	if as := recorded.event.ImpersonatedUser; as != nil {
		extra := map[string][]string{}
		for key, values := range as.Extra {
			extra[key] = values
		}
		said.Audited = &person{as.Username, as.UID, as.Groups, extra}
	}
	said.Annotations = recorded.event.Annotations
	if how := recorded.event.AuthenticationMetadata; how != nil {
		said.Constraint = how.ImpersonationConstraint
	}
	return said
}

// Keeps the last event.
type recorder struct{ event auditv1.Event }

func (r *recorder) ProcessEvents(events ...*auditinternal.Event) bool {
	for _, each := range events {
		if err := auditv1.Convert_audit_Event_To_v1_Event(each, &r.event, nil); err != nil {
			panic(err)
		}
	}
	return true
}

func listen() string {
	tell := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		now, _ := request.UserFrom(r.Context())
		if err := json.NewEncoder(w).Encode(personOf(now)); err != nil {
			panic(err)
		}
	})
	everything := authorizer.AuthorizerFunc(func(context.Context, authorizer.Attributes) (authorizer.Decision, string, error) {
		return authorizer.DecisionAllow, "", nil
	})
	filtered := impersonation.WithConstrainedImpersonation(tell, everything, codecs)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		info, err := infos.NewRequestInfo(r)
		if err != nil {
			panic(err)
		}
		ctx := request.WithUser(request.WithRequestInfo(r.Context(), info), &user.DefaultInfo{Name: "admin"})
		filtered.ServeHTTP(w, r.WithContext(ctx))
	}))
	return server.Listener.Addr().String()
}

func main() {
	in, out := bufio.NewScanner(os.Stdin), json.NewEncoder(os.Stdout)
	in.Buffer(nil, 64<<20)
	// What can not be read is told to nobody here.
	klog.SetLogger(klog.Logger{})
	var current *filter
	for in.Scan() {
		var q question
		if err := json.Unmarshal(in.Bytes(), &q); err != nil {
			panic(err)
		}
		said := answer{}
		switch {
		case q.Begin != nil:
			current = newFilter(*q.Begin, q.Authorize)
		case q.Listen:
			said.Text = listen()
		case q.Metrics:
			w := httptest.NewRecorder()
			legacyregistry.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
			said.Text = w.Body.String()
		case q.SleepMs > 0:
			time.Sleep(time.Duration(q.SleepMs) * time.Millisecond)
		default:
			said = current.serve(q)
		}
		if err := out.Encode(said); err != nil {
			panic(err)
		}
	}
}
