package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	countersignpb "countersign/proto/countersign/v1"
)

// gatewayFlags name a running gateway and who is asking.
type gatewayFlags struct {
	Addr         string        `default:"127.0.0.1:7443" help:"The gateway's gRPC address." placeholder:"HOST:PORT"`
	CAFile       string        `help:"Trust these certificates; plain text is used on loopback without it." placeholder:"FILE" type:"existingfile"`
	Login        string        `help:"Your login in the practitioners file." env:"COUNTERSIGN_LOGIN"`
	PasswordFile string        `help:"A file with your password." env:"COUNTERSIGN_PASSWORD_FILE" type:"existingfile" placeholder:"FILE"`
	Timeout      time.Duration `default:"30s" help:"Give up after this long."`
	JSON         bool          `help:"Print JSON."`
}

// gateway is a connection to a gateway as one person.
type gateway struct {
	ctx        context.Context
	cancel     context.CancelFunc
	conn       *grpc.ClientConn
	review     countersignpb.ReviewClient
	writebacks countersignpb.WritebacksClient
	sites      countersignpb.SitesClient
}

func (f gatewayFlags) dial(e *env) (*gateway, error) {
	if f.Login == "" || f.PasswordFile == "" {
		return nil, errors.New("give --login and --password-file (or COUNTERSIGN_LOGIN and COUNTERSIGN_PASSWORD_FILE)")
	}
	b, err := os.ReadFile(f.PasswordFile)
	if err != nil {
		return nil, err
	}
	conn, err := dialGateway(f.Addr, f.CAFile)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(e.ctx, f.Timeout)
	return newGateway(ctx, cancel, conn, f.Login, strings.TrimRight(string(b), "\r\n")), nil
}

func newGateway(ctx context.Context, cancel context.CancelFunc, conn *grpc.ClientConn, login, password string) *gateway {
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte(login+":"+password))
	return &gateway{
		ctx: metadata.AppendToOutgoingContext(ctx, "authorization", basic), cancel: cancel, conn: conn,
		review: countersignpb.NewReviewClient(conn), writebacks: countersignpb.NewWritebacksClient(conn),
		sites: countersignpb.NewSitesClient(conn),
	}
}

func (g *gateway) close() {
	g.cancel()
	g.conn.Close()
}

// dialGateway connects with TLS, or in plain text to a loopback address.
func dialGateway(addr, caFile string, more ...grpc.DialOption) (*grpc.ClientConn, error) {
	creds := insecure.NewCredentials()
	switch {
	case caFile != "":
		c, err := credentials.NewClientTLSFromFile(caFile, "")
		if err != nil {
			return nil, fmt.Errorf("--ca-file: %w", err)
		}
		creds = c
	default:
		host, _, _ := strings.Cut(addr, ":")
		if !loopback(host) {
			creds = credentials.NewTLS(nil)
		}
	}
	return grpc.NewClient(addr, append(more, grpc.WithTransportCredentials(creds))...)
}

// remote makes a gateway's refusal readable: what was asked, and its text.
func remote(what string, err error) error {
	if s, ok := status.FromError(err); ok {
		return fmt.Errorf("%s: %s", what, s.Message())
	}
	return fmt.Errorf("%s: %w", what, err)
}

func printProto(e *env, m proto.Message) error {
	b, err := protojson.MarshalOptions{UseProtoNames: true, EmitDefaultValues: true}.Marshal(m)
	if err != nil {
		return err
	}
	e.printf("%s\n", b)
	return nil
}
