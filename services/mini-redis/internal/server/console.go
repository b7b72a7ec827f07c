package server

import (
	"context"
	"fmt"

	"mini-redis/internal/netloop"
	"mini-redis/services/mini-redis/internal/pubsub"
)

// Console is informed of what a live console shows: connections, loops and the
// housekeeping as tasks, the execution lock, keys and channels as resources.
// services/mini-redis/internal/consoleview implements it. A nil Task stands for code
// that is not a task.
type Console interface {
	pubsub.Monitor
	// Loop creates the task of an event loop. The functions return its current
	// number of connections and of effects in its inbox, from any goroutine.
	Loop(name string, connections, inbox func() int64) Task
	// Housekeeping creates the task of the server's own work.
	Housekeeping() Task
	// Connection creates the task of a connection, a child of its loop's.
	Connection(peer string, id int64, loop Task) Task
	// LockWait is called when t has to wait for the execution lock; done when it
	// has got the lock.
	LockWait(t Task) (done func())
	// LockTaken is called when t has got the lock, at a monotonic time.
	LockTaken(t Task, at int64)
	// LockReleased is called before the lock is released.
	LockReleased()
	// Counts sets the number of channels, patterns and clients that wait for keys.
	Counts(channels, patterns, blocked int)
}

// Task is a task of a [Console].
type Task interface {
	// Polled records that the task was ready at wake and ran from began to ended,
	// in monotonic nanoseconds. wake may be 0: the task was not waiting.
	Polled(wake, began, ended int64)
	// Waits sets the command in which the task waits for a key, "" for none.
	Waits(operation string)
	// Context returns a context with which log records are related to the task.
	Context(ctx context.Context) context.Context
	// Drop ends the task.
	Drop()
}

// loopTask returns the task of a loop, nil for none.
func loopTask(l *netloop.Loop) Task {
	t, _ := l.Data.(Task)
	return t
}

// showLoop implements netloop.Config.OnLoop.
func (s *Server) showLoop(l *netloop.Loop) {
	l.Data = s.console.Loop(fmt.Sprintf("event loop %d", l.Index), l.Connections,
		func() int64 { return int64(l.Inbox()) })
}

// showTurn implements netloop.Config.OnTurn.
func showTurn(l *netloop.Loop, began, ended int64) { loopTask(l).Polled(0, began, ended) }

// executeShown is executeBatch with a console: it records a poll of each connection's
// task.
func (s *Server) executeShown(l *netloop.Loop, requests []netloop.Request, got int64) int {
	began := got
	for i := range requests {
		s.execute(l, &requests[i])
		now := s.engine.Tick()
		over, last := now-got > maxHold, i+1 == len(requests)
		if over || last || requests[i+1].Conn != requests[i].Conn {
			if c := requests[i].Conn.Data.(*client); c.task != nil {
				c.task.Polled(l.TurnStart(), began, now)
			}
			began = now
		}
		if over {
			return i + 1
		}
	}
	return len(requests)
}
