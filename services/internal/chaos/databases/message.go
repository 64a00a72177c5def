package databases

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
)

// message is one of the protocol's, with its type and its length.
type message []byte

const headerSize = 5

func (m message) kind() byte   { return m[0] }
func (m message) body() []byte { return m[headerSize:] }

// longest message that Postgres itself takes or sends: 1 GB.
const longest = 1 << 30

func readMessage(in *bufio.Reader) (message, error) {
	header, err := in.Peek(headerSize)
	if err != nil {
		return nil, err
	}
	size := int64(binary.BigEndian.Uint32(header[1:])) + 1
	if size < headerSize || size > longest {
		return nil, fmt.Errorf("a message of type %q with a length of %d", header[0], size)
	}
	m := make(message, size)
	_, err = io.ReadFull(in, m)
	return m, err
}
