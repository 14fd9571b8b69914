package worker

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

const (
	// How long aborted work may take to end before it is given up.
	abortGrace = 3 * time.Second
	// How long a worker that stops repeats a report.
	stoppingTime = 15 * time.Second
)

// end is how a handler ended.
type end struct {
	message string
	err     error
}

func (w *worker) start(given givenJob, leasedUntil time.Time) {
	ctx, cancel := context.WithCancel(context.Background())
	job := &Job{
		ID: given.JobID, Kind: given.Kind, Payload: given.Payload, Attempt: given.Attempt,
		MaxAttempts: given.MaxAttempts, Source: given.Source, Host: given.Host, Feed: given.Feed, RunID: given.RunID,
		Traceparent: given.Traceparent, ledger: w.ledger, lease: given.lease, ctx: ctx, cancel: cancel,
		leasedUntil: leasedUntil,
	}
	w.mutex.Lock()
	w.running[job.lease.LeaseToken] = job
	w.mutex.Unlock()
	w.reporting.Add(1)
	done := make(chan struct{})
	ended := make(chan end, 1)
	go func() {
		ended <- w.handle(job)
		close(done)
	}()
	go func() {
		w.reportEnd(job, w.await(job, ended))
		w.reporting.Done()
		// Work that was given up keeps its place until it has ended, so that no more runs than there are places.
		<-done
		cancel()
		w.mutex.Lock()
		delete(w.running, job.lease.LeaseToken)
		w.mutex.Unlock()
		select {
		case w.freed <- struct{}{}:
		default:
		}
	}()
}

func (w *worker) handle(job *Job) (result end) {
	defer func() {
		if value := recover(); value != nil {
			result = end{err: recovered(value)}
		}
	}()
	value, err := w.Handler(job.ctx, job)
	if err != nil {
		return end{err: err}
	}
	if value == nil {
		value = struct{}{}
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	err = encoder.Encode(value)
	return end{string(bytes.TrimSpace(text.Bytes())), err}
}

// await returns how the work ended. It aborts the work at its deadline and at the end of its lease; work that does not
// end soon after it was aborted is given up: its result no longer counts.
func (w *worker) await(job *Job, ended <-chan end) end {
	var deadline <-chan time.Time
	if w.Deadline > 0 {
		timer := time.NewTimer(w.Deadline)
		defer timer.Stop()
		deadline = timer.C
	}
	for {
		lease := time.NewTimer(time.Until(job.leaseEnd()))
		select {
		case result := <-ended:
			lease.Stop()
			return result
		case <-deadline:
			job.abort(errDeadline)
		case <-lease.C:
			if !time.Now().Before(job.leaseEnd()) {
				job.abort(errLeaseLost)
			}
		case <-job.ctx.Done():
		}
		lease.Stop()
		if reason := job.abortReason(); reason != nil {
			select {
			case result := <-ended:
				return result
			case <-time.After(abortGrace):
				return end{err: reason}
			}
		}
	}
}

func (w *worker) reportEnd(job *Job, result end) {
	report := ending(job.lease, "succeeded", "", result.message)
	if result.err != nil {
		report = failure(job, result.err)
	} else {
		job.mutex.Lock()
		report.Artifacts = job.artifacts
		job.mutex.Unlock()
	}
	outcome := w.send(job, report)
	if outcome != "succeeded" {
		w.Log(fmt.Sprintf("job %s (%s), attempt %d: %s %s", job.ID, job.Kind, job.Attempt, outcome, report.Message))
	}
}

func failure(job *Job, err error) report {
	var hopeless *permanent
	var throttled *Throttled
	reason := job.abortReason()
	switch {
	case errors.As(err, &hopeless):
		return ending(job.lease, "failed", "permanent", err.Error())
	case reason == errStopped:
		return ending(job.lease, "released", "worker_stopped", err.Error())
	}
	retry := ending(job.lease, "retry", "error", err.Error())
	retry.RetrySeconds = backoff(time.Second, 10*time.Minute, job.Attempt).Seconds()
	switch {
	case reason == errDeadline:
		code := "deadline_exceeded"
		retry.Reason, retry.Message = &code, errDeadline.Error()
	case errors.As(err, &throttled):
		code := "throttled"
		retry.Reason = &code
		retry.Throttle = &throttle{throttled.Status, throttled.RetryAfter.Seconds()}
		if throttled.RetryAfter > 0 {
			retry.RetrySeconds = throttled.RetryAfter.Seconds()
		}
	}
	return retry
}

func ending(held lease, outcome, reason, message string) report {
	made := report{lease: held, Outcome: outcome, Message: message}
	if reason != "" {
		made.Reason = &reason
	}
	return made
}

// send repeats a report until the ledger answers. Repeated with the same token, it counts once.
func (w *worker) send(job *Job, made report) string {
	var giveUpAt time.Time
	isRefusal := false
	for failures := 0; job.abortReason() != errLeaseLost; {
		states, err := w.ledger.report([]report{made})
		switch {
		case err == nil && len(states) == 0:
			return "lease_lost"
		case err == nil && states[0] == "dead":
			return "dead"
		case err == nil:
			return made.Outcome
		}
		w.Log("the ledger does not take a report: " + err.Error())
		if isRefused(err) {
			if isRefusal {
				break
			}
			// The same report would be refused at each attempt.
			made = ending(job.lease, "failed", "report_refused", "the report was refused: "+err.Error())
			isRefusal = true
			continue
		}
		failures++
		if w.stop.Err() != nil && giveUpAt.IsZero() {
			giveUpAt = time.Now().Add(stoppingTime)
		}
		if !giveUpAt.IsZero() && time.Now().After(giveUpAt) {
			break
		}
		time.Sleep(callAgain(failures, err))
	}
	return "lease_lost"
}
