// Package worker does jobs of Stellar Index: it claims them, keeps their leases, and reports how they ended.
// docs/worker-protocol.md has the protocol.
package worker

import (
	"context"
	"fmt"
	"math/rand"
	"os"
	"sync"
	"time"
)

// A lost or cancelled job is noticed within this time, however long leases are.
const maxHeartbeat = 10 * time.Second

// Handler does a job; its result is stored as JSON. It may be called twice for one job, so that it must bear being
// repeated. The context is cancelled when the job is cancelled or lost, when the attempt takes too long, or when the
// worker stops. Return Permanent(err) if another attempt would fail as well, and *Throttled if a host asks for fewer
// requests; after any other error the job is tried again.
type Handler func(ctx context.Context, job *Job) (any, error)

// Options of a worker. URL, Key, Kinds and Handler are obligatory.
type Options struct {
	// URL of the control API, without its path.
	URL string
	// Key is an API key with the scope jobs:work.
	Key     string
	Kinds   []string
	Handler Handler
	// Concurrency is the most jobs at once, 1 to 100. Default 1.
	Concurrency int
	// Lease is how long a job waits for a worker that is gone, 5 s to 1 h. Default 60 s.
	Lease time.Duration
	// Poll is the wait between claims while there is nothing to do. Default 1 s.
	Poll time.Duration
	// Deadline is the longest time that an attempt may take. Default: no limit.
	Deadline time.Duration
	// Drain is how long a worker that stops lets its jobs go on before it hands them back. Default 10 s.
	Drain time.Duration
	// Name of the worker in history. Default: host name and process id.
	Name string
	// Log takes a line for each attempt that did not succeed and each call that failed. Default: standard error.
	Log func(line string)
}

type worker struct {
	Options
	ledger *ledger
	stop   context.Context
	freed  chan struct{}

	mutex   sync.Mutex
	running map[string]*Job // By lease token: a lost job may be leased here again while its old attempt still ends.

	reporting sync.WaitGroup
}

// Work claims and does jobs until the context is cancelled; then it hands back what has not ended in time, and returns
// nil. It returns *CallRefused where the ledger refuses to give jobs, such as for an unknown key.
func Work(ctx context.Context, options Options) error {
	w := &worker{Options: withDefaults(options), stop: ctx, running: map[string]*Job{}}
	if w.Concurrency < 1 || w.Concurrency > 100 || w.Lease < 5*time.Second || w.Lease > time.Hour {
		return fmt.Errorf("concurrency %d or lease %s is out of range", w.Concurrency, w.Lease)
	}
	w.ledger = newLedger(w.URL, w.Key)
	w.freed = make(chan struct{}, w.Concurrency)
	over := make(chan struct{})
	defer close(over)
	go w.keepLeases(over)
	err := w.claimAll()
	w.drain()
	return err
}

func withDefaults(o Options) Options {
	if o.Concurrency == 0 {
		o.Concurrency = 1
	}
	if o.Lease == 0 {
		o.Lease = time.Minute
	}
	if o.Poll == 0 {
		o.Poll = time.Second
	}
	if o.Drain == 0 {
		o.Drain = 10 * time.Second
	}
	if o.Name == "" {
		host, _ := os.Hostname()
		o.Name = fmt.Sprintf("%s:%d", host, os.Getpid())
	}
	if o.Log == nil {
		o.Log = func(line string) { fmt.Fprintln(os.Stderr, line) }
	}
	return o
}

func (w *worker) claimAll() error {
	failures := 0
	for w.stop.Err() == nil {
		most := w.Concurrency - len(w.jobs())
		askedAt := time.Now()
		// With jitter, so that workers that were started together do not ask together.
		wait := time.Duration(float64(w.Poll) * (0.5 + rand.Float64()))
		var jobs []givenJob
		if most > 0 {
			var err error
			jobs, err = w.ledger.claim(claimRequest{w.Name, w.Kinds, most, w.Lease.Seconds()})
			if isRefused(err) {
				return err
			}
			failures++
			if err == nil {
				failures = 0
			} else {
				w.Log("the ledger does not answer: " + err.Error())
				if again := callAgain(failures, err); again > wait {
					wait = again
				}
			}
		}
		if w.stop.Err() != nil {
			w.release(jobs)
			return nil
		}
		for _, given := range jobs {
			w.start(given, askedAt.Add(w.Lease))
		}
		if failures > 0 {
			_ = sleep(w.stop, wait)
		} else if len(jobs) < most || most == 0 {
			w.idle(wait)
		}
	}
	return nil
}

// idle waits so long, until the worker is told to stop, or until an attempt makes a place.
func (w *worker) idle(wait time.Duration) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-w.freed:
	case <-w.stop.Done():
	}
}

// release hands back jobs of a claim that was answered after the worker was told to stop.
func (w *worker) release(jobs []givenJob) {
	var reports []report
	for _, given := range jobs {
		reports = append(reports, ending(given.lease, "released", "worker_stopped", errStopped.Error()))
	}
	if len(reports) == 0 {
		return
	}
	if _, err := w.ledger.report(reports); err != nil {
		w.Log("the ledger does not answer: " + err.Error())
	}
}

// drain waits until all attempts are reported; it aborts those that take too long.
func (w *worker) drain() {
	patience := w.Drain
	if w.stop.Err() == nil {
		patience = 0
	}
	timer := time.AfterFunc(patience, func() {
		for _, job := range w.jobs() {
			job.abort(errStopped)
		}
	})
	defer timer.Stop()
	w.reporting.Wait()
}

// keepLeases is the heartbeat: it extends all leases, and aborts the jobs whose lease is lost.
func (w *worker) keepLeases(over <-chan struct{}) {
	interval := w.Lease / 3
	if interval > maxHeartbeat {
		interval = maxHeartbeat
	}
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-over:
			return
		case <-ticker.C:
			w.extendAll()
		}
	}
}

func (w *worker) extendAll() {
	var jobs []*Job
	var leases []heldLease
	for _, job := range w.jobs() {
		if job.abortReason() != errLeaseLost {
			jobs = append(jobs, job)
			leases = append(leases, job.heldLease())
		}
	}
	if len(leases) == 0 {
		return
	}
	askedAt := time.Now()
	kept, err := w.ledger.extend(leases, w.Lease)
	if err != nil {
		w.Log("the ledger does not answer: " + err.Error())
		return
	}
	for _, job := range jobs {
		isExtended, isKept := kept[job.lease.LeaseToken]
		if !isKept {
			job.abort(errLeaseLost)
		} else if isExtended {
			job.extend(askedAt.Add(w.Lease))
		}
	}
}

func (w *worker) jobs() []*Job {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	jobs := make([]*Job, 0, len(w.running))
	for _, job := range w.running {
		jobs = append(jobs, job)
	}
	return jobs
}
