// The client library of upstream, put to use on one cluster. Each line of standard input names a scenario and the cluster,
//
//	{"run": "informers", "kubeconfig": "/path"}
//
// and is answered with one line, which lists what was not as a client of Kubernetes expects it, and figures that are worth a look:
//
//	{"faults": [], "notes": {"events": 12}}
//
// With the one argument "exec-credential" the program is a credential plugin (see credentials.go) instead.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// A scenario has this long, and says what it was at when it is over.
const scenarioTimeout = 90 * time.Second

const faultsMax = 20

var scenarios = map[string]func(*run){
	"apply":        applying,
	"certificates": certificates,
	"churn":        churning,
	"collections":  collections,
	"controller":   controlling,
	"credentials":  credentials,
	"discovery":    discovering,
	"election":     electing,
	"events":       recording,
	"http":         transporting,
	"identities":   identities,
	"informers":    informing,
	"kinds":        kindsInAllForms,
	"limits":       limited,
	"paging":       paging,
	"restart":      outliving,
	"restarted":    outlived,
	"waiting":      waiting,
	"watches":      watching,
}

// What a scenario has to work with.
type run struct {
	context.Context
	kubeconfig string
	// Speaks JSON.
	config *rest.Config
	json   kubernetes.Interface
	// Speaks protobuf where the server does.
	protobuf kubernetes.Interface
	dynamic  dynamic.Interface

	lock   sync.Mutex
	faults []string
	notes  map[string]any
}

const protobufType = runtime.ContentTypeProtobuf

func protobufConfig(config *rest.Config) *rest.Config {
	copied := rest.CopyConfig(config)
	copied.ContentType = protobufType
	copied.AcceptContentTypes = protobufType + ",application/json"
	return copied
}

func newRun(ctx context.Context, kubeconfig string) (*run, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, err
	}
	config.QPS = -1
	config.UserAgent = "upstream-client"
	return &run{
		Context:    ctx,
		kubeconfig: kubeconfig,
		config:     config,
		json:       kubernetes.NewForConfigOrDie(config),
		protobuf:   kubernetes.NewForConfigOrDie(protobufConfig(config)),
		dynamic:    dynamic.NewForConfigOrDie(config),
		faults:     []string{},
		notes:      map[string]any{},
	}, nil
}

func (r *run) fault(format string, values ...any) {
	r.lock.Lock()
	defer r.lock.Unlock()
	// What goes wrong for one thing goes wrong for many.
	if len(r.faults) < faultsMax {
		r.faults = append(r.faults, fmt.Sprintf(format, values...))
	}
}

func (r *run) note(name string, value any) {
	r.lock.Lock()
	defer r.lock.Unlock()
	r.notes[name] = value
}

// Whether it holds; if not, that is a fault.
func (r *run) expect(holds bool, format string, values ...any) bool {
	if !holds {
		r.fault(format, values...)
	}
	return holds
}

// Whether two values print alike.
func (r *run) same(what string, got, want any) bool {
	return r.expect(fmt.Sprint(got) == fmt.Sprint(want), "%s: got %v, want %v", what, got, want)
}

// Ends the scenario when there is an error, since what follows can't be judged.
func (r *run) must(what string, err error) {
	if err != nil {
		panic(abandoned(fmt.Sprintf("%s: %v", what, err)))
	}
}

// Why a scenario went no further.
type abandoned string

// Waits until a condition holds, which is asked often; a fault when it does not in time.
func (r *run) eventually(what string, holds func() bool) bool {
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline) && r.Err() == nil; time.Sleep(5 * time.Millisecond) {
		if holds() {
			return true
		}
	}
	r.fault("never: %s", what)
	return false
}

func perform(question question) (r *run, err error) {
	scenario, known := scenarios[question.Run]
	if !known {
		return nil, fmt.Errorf("there is no scenario %q", question.Run)
	}
	ctx, cancel := context.WithTimeout(context.Background(), scenarioTimeout)
	defer cancel()
	if r, err = newRun(ctx, question.Kubeconfig); err != nil {
		return nil, err
	}
	defer func() {
		switch reason := recover().(type) {
		case nil:
		case abandoned:
			r.fault("%s", string(reason))
		default:
			r.fault("panic: %v\n%s", reason, debug.Stack())
		}
	}()
	scenario(r)
	return r, nil
}

type question struct {
	Run        string `json:"run"`
	Kubeconfig string `json:"kubeconfig"`
}

type answer struct {
	Faults []string       `json:"faults"`
	Notes  map[string]any `json:"notes"`
}

func main() {
	if len(os.Args) == 2 && os.Args[1] == "exec-credential" {
		printCredential()
		return
	}
	lines := bufio.NewScanner(os.Stdin)
	answers := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		var asked question
		result := answer{Faults: []string{}}
		if err := json.Unmarshal(lines.Bytes(), &asked); err != nil {
			result.Faults = append(result.Faults, err.Error())
		} else if r, err := perform(asked); err != nil {
			result.Faults = append(result.Faults, err.Error())
		} else {
			result.Faults, result.Notes = r.faults, r.notes
		}
		if err := answers.Encode(result); err != nil {
			os.Exit(1)
		}
	}
}
