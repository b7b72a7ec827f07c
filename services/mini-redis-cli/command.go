package main

import (
	"strconv"
	"strings"
)

// shape turns what was typed into what Redis knows. Only one form differs:
// "set key value 1500", an expiry in milliseconds, which Redis refuses as a
// syntax error and Tokio's mini-redis-cli takes.
func shape(words []string) []string {
	if len(words) == 4 && strings.EqualFold(words[0], "set") {
		if _, err := strconv.ParseUint(words[3], 10, 63); err == nil {
			return []string{words[0], words[1], words[2], "PX", words[3]}
		}
	}
	return words
}

// isStream says whether a command is answered for as long as the connection lives.
func isStream(command []string) bool {
	switch strings.ToLower(command[0]) {
	case "subscribe", "psubscribe", "ssubscribe", "monitor":
		return true
	}
	return false
}

// confirmations is how many replies say that a stream has begun: one a channel,
// and one for MONITOR.
func confirmations(command []string) int {
	if strings.EqualFold(command[0], "monitor") {
		return 1
	}
	return len(command) - 1
}

// isText says whether the reply is a page for people, which redis-cli prints as
// it is even on a terminal.
func isText(command []string) bool {
	word := func(i int) string {
		if i < len(command) {
			return strings.ToLower(command[i])
		}
		return ""
	}
	switch word(0) {
	case "info", "lolwut":
		return true
	case "debug":
		return word(1) == "htstats" || word(1) == "htstats-key" || word(1) == "client-eviction"
	case "memory":
		return word(1) == "malloc-stats" || word(1) == "doctor"
	case "cluster":
		return len(command) == 2 && (word(1) == "nodes" || word(1) == "info")
	case "client":
		return word(1) == "list" || word(1) == "info"
	case "latency":
		return (len(command) == 3 && word(1) == "graph") || (len(command) == 2 && word(1) == "doctor")
	case "proxy":
		return len(command) >= 2 && word(1) == "info"
	}
	return false
}
