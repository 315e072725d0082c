package main

import (
	"context"
	"fmt"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/tools/cache"
	watchtools "k8s.io/client-go/tools/watch"
)

// What goes on between two questions.
var survivors struct {
	cancel    context.CancelFunc
	factories []informers.SharedInformerFactory
	ears      []*told
	retried   *retried
}

// What a watch that is taken up again where it was has told: of which object what, or why it ended.
type retried struct {
	sync.Mutex
	events []string
	ended  error
}

func (t *retried) told() []string {
	t.Lock()
	defer t.Unlock()
	return append([]string{}, t.events...)
}

// Informers, and a watch that begins no list anew, that are there before the server is replaced.
func outliving(r *run) {
	r.namespace("restart")
	ctx, cancel := context.WithCancel(context.Background())
	survivors.cancel = cancel
	survivors.factories = []informers.SharedInformerFactory{informers.NewSharedInformerFactory(r.json, 0), informers.NewSharedInformerFactory(r.protobuf, 0)}
	survivors.ears = nil
	for number := range 5 {
		_, err := r.json.CoreV1().ConfigMaps("restart").Create(r, configMap(fmt.Sprintf("before-%d", number), nil), metav1.CreateOptions{})
		r.must("create", err)
	}
	for _, factory := range survivors.factories {
		ear := listen()
		_, err := factory.Core().V1().ConfigMaps().Informer().AddEventHandler(ear)
		r.must("handler", err)
		survivors.ears = append(survivors.ears, ear)
		factory.Start(ctx.Done())
		factory.WaitForCacheSync(r.Done())
	}
	survivors.retried = r.retry(ctx)
}

func (r *run) retry(ctx context.Context) *retried {
	maps := r.protobuf.CoreV1().ConfigMaps("restart")
	made, err := maps.Create(r, configMap("last", nil), metav1.CreateOptions{})
	r.must("create", err)
	watcher, err := watchtools.NewRetryWatcherWithContext(ctx, made.ResourceVersion, &cache.ListWatch{WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
		return maps.Watch(ctx, options)
	}})
	r.must("retry watcher", err)
	told := &retried{}
	go func() {
		for event := range watcher.ResultChan() {
			told.Lock()
			if event.Type == watch.Error {
				told.ended = errors.FromObject(event.Object)
			} else {
				told.events = append(told.events, fmt.Sprint(event.Type, " ", event.Object.(*corev1.ConfigMap).Name))
			}
			told.Unlock()
		}
	}()
	return told
}

// They go on afterwards: what changed meanwhile reached them, once.
func outlived(r *run) {
	defer survivors.cancel()
	_, err := r.json.CoreV1().ConfigMaps("restart").Create(r, configMap("after", nil), metav1.CreateOptions{})
	r.must("create", err)
	want := map[string]uint64{}
	list, err := r.json.CoreV1().ConfigMaps("").List(r, metav1.ListOptions{})
	r.must("list", err)
	for index := range list.Items {
		want[nameOf(&list.Items[index])] = revision(&list.Items[index])
	}
	for index, ear := range survivors.ears {
		r.eventually(fmt.Sprintf("informer %d is where the list is", index), func() bool { return fmt.Sprint(ear.snapshot()) == fmt.Sprint(want) })
		r.heard(fmt.Sprintf("informer %d", index), ear)
	}
	r.eventually("a watch has gone on, or knows why not", func() bool {
		events := survivors.retried.told()
		return survivors.retried.ended != nil || len(events) > 0 && events[len(events)-1] == "ADDED after"
	})
	r.note("retried", survivors.retried.told())
	r.note("expired", survivors.retried.ended != nil && errors.IsResourceExpired(survivors.retried.ended))
	survivors.cancel()
	for _, factory := range survivors.factories {
		factory.Shutdown()
	}
}
