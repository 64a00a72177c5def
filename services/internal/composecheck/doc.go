// Package composecheck tests docker-compose.yml and what it mounts without a
// container engine: by the parser of Docker Compose itself, and by the NATS
// server's own reading of its configuration.
//
// It is a module of its own, outside go.work, because Compose's dependencies
// have no business near those of the services.
package composecheck
