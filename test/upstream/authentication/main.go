// Says who makes a request, by upstream's authenticators in the order in which an API server asks them, with tokens that each line makes up.
package main

import (
	"bufio"
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"

	"k8s.io/apiserver/pkg/apis/apiserver"
	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/apiserver/pkg/authentication/group"
	"k8s.io/apiserver/pkg/authentication/request/anonymous"
	"k8s.io/apiserver/pkg/authentication/request/bearertoken"
	"k8s.io/apiserver/pkg/authentication/request/headerrequest"
	"k8s.io/apiserver/pkg/authentication/request/union"
	"k8s.io/apiserver/pkg/authentication/request/websocket"
	x509request "k8s.io/apiserver/pkg/authentication/request/x509"
	tokenunion "k8s.io/apiserver/pkg/authentication/token/union"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/warning"
)

type person struct {
	Username string              `json:"username"`
	UID      string              `json:"uid,omitempty"`
	Groups   []string            `json:"groups"`
	Extra    map[string][]string `json:"extra,omitempty"`
}

// What an authenticator says of tokens: whose one is, what is wrong with one; nothing of others.
type knownTokens map[string]struct {
	User  *person
	Error string
}

func (k knownTokens) AuthenticateToken(_ context.Context, token string) (*authenticator.Response, bool, error) {
	known, ok := k[token]
	if !ok {
		return nil, false, nil
	}
	if known.Error != "" {
		return nil, false, errors.New(known.Error)
	}
	u := known.User
	return &authenticator.Response{User: &user.DefaultInfo{Name: u.Username, UID: u.UID, Groups: u.Groups, Extra: u.Extra}}, true, nil
}

type question struct {
	// A certificate whose subject is asked about, in PEM, and nothing else.
	Certificate string
	URI         string
	Headers     [][2]string
	// Whether the front proxy speaks, and in which headers.
	IsProxy             bool
	UsernameHeaders     []string
	UIDHeaders          []string
	GroupHeaders        []string
	ExtraHeaderPrefixes []string
	Tokens              []knownTokens
	Anonymous           struct {
		Enabled    bool
		Conditions []apiserver.AnonymousAuthCondition
	}
}

type answer struct {
	User     *person  `json:"user,omitempty"`
	Error    string   `json:"error,omitempty"`
	Warnings []string `json:"warnings"`
}

func (a *answer) AddWarning(_, text string) { a.Warnings = append(a.Warnings, text) }

// Of a certificate that is good for a front proxy alone.
func unknownAuthority(*http.Request) (*authenticator.Response, bool, error) {
	return nil, false, errors.New("x509: certificate signed by unknown authority")
}

func chain(q question) (authenticator.Request, error) {
	var all []authenticator.Request
	if q.IsProxy {
		proxy, err := headerrequest.New(q.UsernameHeaders, q.UIDHeaders, q.GroupHeaders, q.ExtraHeaderPrefixes)
		if err != nil {
			return nil, err
		}
		all = append(all, proxy, authenticator.RequestFunc(unknownAuthority))
	}
	var tokens []authenticator.Token
	for _, each := range q.Tokens {
		tokens = append(tokens, each)
	}
	known := tokenunion.New(tokens...)
	all = append(all, bearertoken.New(known), websocket.NewProtocolAuthenticator(known))
	chained := group.NewAuthenticatedGroupAdder(union.New(all...))
	if q.Anonymous.Enabled {
		chained = union.NewFailOnError(chained, anonymous.NewAuthenticator(q.Anonymous.Conditions))
	}
	return chained, nil
}

// Whose a certificate is, whoever signed it.
func subjectOf(text string) answer {
	said := answer{Warnings: []string{}}
	block, _ := pem.Decode([]byte(text))
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		said.Error = "unreadable"
		return said
	}
	found, ok, err := x509request.CommonNameUserConversion.User([]*x509.Certificate{certificate})
	if err != nil {
		said.Error = err.Error()
	} else if ok {
		said.User = &person{found.User.GetName(), found.User.GetUID(), append([]string{}, found.User.GetGroups()...), found.User.GetExtra()}
	}
	return said
}

func answerTo(q question) answer {
	if q.Certificate != "" {
		return subjectOf(q.Certificate)
	}
	said := answer{Warnings: []string{}}
	all, err := chain(q)
	if err != nil {
		panic(err)
	}
	r := httptest.NewRequest("GET", q.URI, nil)
	for _, each := range q.Headers {
		r.Header.Add(each[0], each[1])
	}
	found, ok, err := all.AuthenticateRequest(r.WithContext(warning.WithWarningRecorder(r.Context(), &said)))
	if err != nil {
		said.Error = err.Error()
	} else if ok {
		u := found.User
		groups := u.GetGroups()
		if groups == nil {
			groups = []string{}
		}
		said.User = &person{u.GetName(), u.GetUID(), groups, u.GetExtra()}
	}
	return said
}

func main() {
	in, out := bufio.NewScanner(os.Stdin), json.NewEncoder(os.Stdout)
	in.Buffer(nil, 64<<20)
	for in.Scan() {
		var q question
		if err := json.Unmarshal(in.Bytes(), &q); err != nil {
			panic(err)
		}
		if err := out.Encode(answerTo(q)); err != nil {
			panic(err)
		}
	}
}
