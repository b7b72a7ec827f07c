package main

import (
	"strconv"
	"strings"
)

// normalizeArgs converts the arguments to Redis syntax. Only one form differs:
// "set key value 1500", with the expiration in milliseconds. Tokio's
// mini-redis-cli accepts it; Redis answers with a syntax error. It becomes
// "set key value PX 1500".
func normalizeArgs(words []string) []string {
	if len(words) == 4 && strings.EqualFold(words[0], "set") {
		if _, err := strconv.ParseUint(words[3], 10, 63); err == nil {
			return []string{words[0], words[1], words[2], "PX", words[3]}
		}
	}
	return words
}

// isStream reports whether the server sends replies to the command until the connection closes.
func isStream(command []string) bool {
	switch strings.ToLower(command[0]) {
	case "subscribe", "psubscribe", "ssubscribe", "monitor":
		return true
	}
	return false
}

// confirmations returns the number of replies that confirm a stream: one for
// each channel, or one for MONITOR.
func confirmations(command []string) int {
	if strings.EqualFold(command[0], "monitor") {
		return 1
	}
	return len(command) - 1
}

// isPlainText reports whether the reply is human-readable text, which redis-cli
// prints unformatted also on a terminal.
func isPlainText(command []string) bool {
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
