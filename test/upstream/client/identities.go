package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	flowcontrolv1 "k8s.io/api/flowcontrol/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/transport"
	"k8s.io/utils/ptr"
)

func (r *run) allow(name string, subject rbacv1.Subject, rules ...rbacv1.PolicyRule) {
	_, err := r.json.RbacV1().ClusterRoles().Create(r, &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: name}, Rules: rules}, metav1.CreateOptions{})
	r.must("role", err)
	r.bind(name, name, subject)
}

func (r *run) bind(name, role string, subject rbacv1.Subject) {
	_, err := r.json.RbacV1().ClusterRoleBindings().Create(r, &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: name}, Subjects: []rbacv1.Subject{subject},
		RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
	}, metav1.CreateOptions{})
	r.must("binding", err)
}

var readMaps = rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"configmaps"}, Verbs: []string{"get", "list"}}

// Tokens of service accounts, reviews of all kinds, and impersonation.
func identities(r *run) {
	namespace := r.namespace("identities")
	accounts := r.protobuf.CoreV1().ServiceAccounts(namespace)
	account, err := accounts.Create(r, &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "robot"}}, metav1.CreateOptions{})
	r.must("account", err)
	secret, err := r.json.CoreV1().Secrets(namespace).Create(r, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "bound"}}, metav1.CreateOptions{})
	r.must("secret", err)
	r.allow("robot-reads", rbacv1.Subject{Kind: rbacv1.ServiceAccountKind, Name: "robot", Namespace: namespace}, readMaps)

	issued, err := accounts.CreateToken(r, "robot", &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{
		ExpirationSeconds: ptr.To(int64(600)), BoundObjectRef: &authenticationv1.BoundObjectReference{Kind: "Secret", APIVersion: "v1", Name: "bound", UID: secret.UID},
	}}, metav1.CreateOptions{})
	r.must("token", err)
	r.expect(time.Until(issued.Status.ExpirationTimestamp.Time) > 9*time.Minute, "a token until %v", issued.Status.ExpirationTimestamp)
	bearer := rest.AnonymousClientConfig(r.config)
	bearer.BearerToken = issued.Status.Token
	robot := kubernetes.NewForConfigOrDie(protobufConfig(bearer))
	_, err = robot.CoreV1().ConfigMaps(namespace).List(r, metav1.ListOptions{})
	r.must("list as robot", err)
	_, err = robot.CoreV1().Secrets(namespace).List(r, metav1.ListOptions{})
	r.expect(errors.IsForbidden(err) && err.Error() == fmt.Sprintf(`secrets is forbidden: User "system:serviceaccount:%s:robot" cannot list resource "secrets" in API group "" in the namespace "%s"`, namespace, namespace), "secrets as robot: %v", err)
	self, err := robot.AuthenticationV1().SelfSubjectReviews().Create(r, &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{})
	r.must("self", err)
	r.same("robot", []any{self.Status.UserInfo.Username, self.Status.UserInfo.UID}, []any{"system:serviceaccount:" + namespace + ":robot", account.UID})
	review, err := r.protobuf.AuthenticationV1().TokenReviews().Create(r, &authenticationv1.TokenReview{Spec: authenticationv1.TokenReviewSpec{Token: issued.Status.Token}}, metav1.CreateOptions{})
	r.must("token review", err)
	r.expect(review.Status.Authenticated && len(review.Status.Audiences) > 0, "review: %v", review.Status)
	r.must("delete secret", r.json.CoreV1().Secrets(namespace).Delete(r, "bound", metav1.DeleteOptions{}))
	r.eventually("a token goes with what it is bound to", func() bool {
		_, err := robot.CoreV1().ConfigMaps(namespace).List(r, metav1.ListOptions{})
		return errors.IsUnauthorized(err)
	})
	r.reviews(namespace)
	r.impersonation(namespace)
}

func (r *run) reviews(namespace string) {
	attributes := &authorizationv1.ResourceAttributes{Namespace: namespace, Verb: "list", Resource: "configmaps"}
	user := "system:serviceaccount:" + namespace + ":robot"
	subject, err := r.protobuf.AuthorizationV1().SubjectAccessReviews().Create(r, &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{User: user, ResourceAttributes: attributes}}, metav1.CreateOptions{})
	r.must("subject access review", err)
	r.expect(subject.Status.Allowed && strings.HasPrefix(subject.Status.Reason, `RBAC: allowed by ClusterRoleBinding "robot-reads" of ClusterRole "robot-reads" to ServiceAccount "robot/`), "review: %v", subject.Status)
	local, err := r.protobuf.AuthorizationV1().LocalSubjectAccessReviews(namespace).Create(r, &authorizationv1.LocalSubjectAccessReview{ObjectMeta: metav1.ObjectMeta{Namespace: namespace}, Spec: authorizationv1.SubjectAccessReviewSpec{User: "nobody", ResourceAttributes: attributes}}, metav1.CreateOptions{})
	r.must("local review", err)
	r.expect(!local.Status.Allowed, "nobody may: %v", local.Status)
	rules, err := r.protobuf.AuthorizationV1().SelfSubjectRulesReviews().Create(r, &authorizationv1.SelfSubjectRulesReview{Spec: authorizationv1.SelfSubjectRulesReviewSpec{Namespace: namespace}}, metav1.CreateOptions{})
	r.must("rules review", err)
	r.expect(len(rules.Status.ResourceRules) > 0 && len(rules.Status.NonResourceRules) > 0, "rules: %v", rules.Status)
}

func (r *run) impersonation(namespace string) {
	config := rest.CopyConfig(r.config)
	config.Impersonate = rest.ImpersonationConfig{UserName: "ann", UID: "42", Groups: []string{"team"}, Extra: map[string][]string{"example.com/Mixed%Case": {"one", "two"}}}
	self, err := kubernetes.NewForConfigOrDie(config).AuthenticationV1().SelfSubjectReviews().Create(r, &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{})
	r.must("impersonation", err)
	info := self.Status.UserInfo
	r.same("who one is", fmt.Sprintf("%s %s %v %v", info.Username, info.UID, info.Groups, info.Extra), "ann 42 [team system:authenticated] map[example.com/mixed%case:[one two]]")
	_, err = kubernetes.NewForConfigOrDie(config).CoreV1().ConfigMaps(namespace).List(r, metav1.ListOptions{})
	r.expect(errors.IsForbidden(err), "ann: %v", err)
	account := rest.CopyConfig(r.config)
	account.Impersonate = rest.ImpersonationConfig{UserName: "system:serviceaccount:" + namespace + ":robot"}
	_, err = kubernetes.NewForConfigOrDie(account).CoreV1().ConfigMaps(namespace).List(r, metav1.ListOptions{})
	r.must("robot, impersonated", err)
}

// A client that is refused for a time waits as long as it is told, and says so when it is refused for good.
func limited(r *run) {
	_, err := r.json.FlowcontrolV1().PriorityLevelConfigurations().Create(r, &flowcontrolv1.PriorityLevelConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: "none-at-all"},
		Spec: flowcontrolv1.PriorityLevelConfigurationSpec{Type: flowcontrolv1.PriorityLevelEnablementLimited, Limited: &flowcontrolv1.LimitedPriorityLevelConfiguration{
			NominalConcurrencyShares: ptr.To(int32(0)), LendablePercent: ptr.To(int32(0)), BorrowingLimitPercent: ptr.To(int32(0)),
			LimitResponse: flowcontrolv1.LimitResponse{Type: flowcontrolv1.LimitResponseTypeReject},
		}},
	}, metav1.CreateOptions{})
	r.must("priority level", err)
	r.allow("late-reads", rbacv1.Subject{APIGroup: rbacv1.GroupName, Kind: "User", Name: "late"}, readMaps)
	_, err = r.json.FlowcontrolV1().FlowSchemas().Create(r, &flowcontrolv1.FlowSchema{
		ObjectMeta: metav1.ObjectMeta{Name: "late"},
		Spec: flowcontrolv1.FlowSchemaSpec{
			PriorityLevelConfiguration: flowcontrolv1.PriorityLevelConfigurationReference{Name: "none-at-all"}, MatchingPrecedence: 2,
			Rules: []flowcontrolv1.PolicyRulesWithSubjects{{
				Subjects:      []flowcontrolv1.Subject{{Kind: flowcontrolv1.SubjectKindUser, User: &flowcontrolv1.UserSubject{Name: "late"}}},
				ResourceRules: []flowcontrolv1.ResourcePolicyRule{{Verbs: []string{"*"}, APIGroups: []string{"*"}, Resources: []string{"*"}, Namespaces: []string{"*"}, ClusterScope: true}},
			}},
		},
	}, metav1.CreateOptions{})
	r.must("flow schema", err)
	var refused atomic.Int64
	config := rest.CopyConfig(r.config)
	config.Impersonate.UserName = "late"
	config.Wrap(transport.WrapperFunc(func(next http.RoundTripper) http.RoundTripper { return counting{next, &refused, r} }))
	client := kubernetes.NewForConfigOrDie(config)
	r.eventually("who has no share is refused", func() bool {
		err := client.CoreV1().RESTClient().Get().Resource("configmaps").MaxRetries(0).Do(r).Error()
		return errors.IsTooManyRequests(err)
	})
	err = client.CoreV1().RESTClient().Get().Resource("configmaps").MaxRetries(0).Do(r).Error()
	seconds, suggested := errors.SuggestsClientDelay(err)
	r.expect(suggested && seconds >= 1, "refused for %d seconds: %v", seconds, err)
	before := refused.Load()
	go func() {
		for refused.Load() == before && r.Err() == nil {
			time.Sleep(5 * time.Millisecond)
		}
		if err := r.json.FlowcontrolV1().FlowSchemas().Delete(r, "late", metav1.DeleteOptions{}); err != nil {
			r.fault("delete of the flow schema: %v", err)
		}
	}()
	started := time.Now()
	_, err = client.CoreV1().ConfigMaps("default").List(r, metav1.ListOptions{})
	r.expect(err == nil && refused.Load() > before, "a list that was refused first: %v after %d refusals", err, refused.Load()-before)
	r.expect(time.Since(started) >= 900*time.Millisecond, "tried again after %v", time.Since(started))
}

type counting struct {
	next    http.RoundTripper
	refused *atomic.Int64
	r       *run
}

func (c counting) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := c.next.RoundTrip(request)
	if err == nil && response.StatusCode == http.StatusTooManyRequests {
		c.refused.Add(1)
		c.r.expect(response.Header.Get("Retry-After") != "", "429 without Retry-After")
	}
	return response, err
}

// HTTP/2 and HTTP/1.1, compressed and not, big answers and bodies.
func transporting(r *run) {
	namespace := r.namespace("http")
	big := strings.Repeat("words that compress well ", 20_000)
	_, err := r.json.CoreV1().ConfigMaps(namespace).Create(r, configMap("big", map[string]string{"text": big}), metav1.CreateOptions{})
	r.must("create", err)
	for _, protocol := range []string{"h2", "http/1.1"} {
		for _, plain := range []bool{false, true} {
			for form, base := range map[string]*rest.Config{"json": r.config, "protobuf": protobufConfig(r.config)} {
				what := fmt.Sprint(protocol, " ", form, " uncompressed=", plain)
				config := rest.CopyConfig(base)
				config.DisableCompression = plain
				config.NextProtos = []string{protocol}
				var compressed atomic.Int64
				config.Wrap(func(next http.RoundTripper) http.RoundTripper {
					return observing(func(request *http.Request) (*http.Response, error) {
						response, err := next.RoundTrip(request)
						if err == nil {
							r.same(what, response.Proto, map[string]string{"h2": "HTTP/2.0", "http/1.1": "HTTP/1.1"}[protocol])
							if response.Uncompressed {
								compressed.Add(1)
							}
						}
						return response, err
					})
				})
				client := kubernetes.NewForConfigOrDie(config)
				list, err := client.CoreV1().ConfigMaps(namespace).List(r, metav1.ListOptions{})
				r.must(what, err)
				text := ""
				for _, object := range list.Items {
					text += object.Data["text"]
				}
				r.expect(text == big, "%s: %d bytes came back", what, len(text))
				r.same(what+": compressed answers", compressed.Load() > 0, !plain)
			}
		}
	}
	r.bodies(namespace)
}

type observing func(*http.Request) (*http.Response, error)

func (o observing) RoundTrip(request *http.Request) (*http.Response, error) { return o(request) }

func (r *run) bodies(namespace string) {
	_, err := r.protobuf.CoreV1().ConfigMaps(namespace).Create(r, configMap("too-big", map[string]string{"text": strings.Repeat("x", 1<<20+1)}), metav1.CreateOptions{})
	r.expect(errors.IsInvalid(err), "a map of more than a mebibyte: %v", err)
	_, err = r.json.CoreV1().ConfigMaps(namespace).Create(r, configMap("far-too-big", map[string]string{"text": strings.Repeat("x", 4<<20)}), metav1.CreateOptions{})
	r.expect(errors.IsRequestEntityTooLargeError(err), "a body of more than three mebibytes: %v", err)
	ctx, cancel := context.WithCancel(r)
	stream, err := r.json.CoreV1().RESTClient().Get().Resource("configmaps").Namespace(namespace).Param("watch", "true").Stream(ctx)
	r.must("raw watch", err)
	_, err = io.ReadFull(stream, make([]byte, 100_000))
	r.must("raw watch", err)
	cancel()
	_, err = io.ReadAll(stream)
	r.expect(err != nil, "a watch that was given up ended well")
}
