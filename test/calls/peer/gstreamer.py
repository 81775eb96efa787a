#!/usr/bin/env python3
"""GStreamer as a WHIP or WHEP client.

    gstreamer.py publish ENDPOINT TOKEN
    gstreamer.py play ENDPOINT TOKEN

Prints `session LOCATION` when the server has answered; `connected` when media can flow; and, when
it plays, `audio N` and `video N` with the number of decoded buffers, as they grow. Deletes its
session when it is told to end.

GStreamer makes RSA certificates, which WebRTC doesn't ask anybody to take (RFC 8827, section 6.5);
so this client brings one for ECDSA, and writes its fingerprint into the offer, where GStreamer 1.22
would put one of certificate and key together.
"""

import hashlib
import re
import signal
import ssl
import subprocess
import sys
import threading
import urllib.parse
import urllib.request

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402

PUBLISH = """
webrtcbin name=peer bundle-policy=max-bundle
videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=240,framerate=15/1
  ! vp8enc deadline=1 keyframe-max-dist=30 target-bitrate=300000
  ! rtpvp8pay picture-id-mode=15-bit
  ! application/x-rtp,media=video,encoding-name=VP8,payload=96 ! peer.
audiotestsrc is-live=true ! audioconvert ! audioresample ! opusenc
  ! rtpopuspay ! application/x-rtp,media=audio,encoding-name=OPUS,payload=111 ! peer.
"""
RECEIVED = [
    "application/x-rtp,media=audio,encoding-name=OPUS,payload=111,clock-rate=48000,"
    "encoding-params=(string)2",
    "application/x-rtp,media=video,encoding-name=VP8,payload=96,clock-rate=90000",
]

CERTIFICATE = """
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=webrtc
"""


def say(text):
    print(text, flush=True)


class Client:
    def __init__(self, endpoint, token):
        self.endpoint = endpoint
        self.token = token
        self.session = None
        self.has_offered = False
        self.loop = GLib.MainLoop()
        self.counts = {"audio": 0, "video": 0}
        command = CERTIFICATE.split() + ["-keyout", "-"]
        made = subprocess.run(command, check=True, capture_output=True, text=True)
        self.certificate = made.stdout
        begin = self.certificate.index("-----BEGIN CERTIFICATE")
        der = ssl.PEM_cert_to_DER_cert(self.certificate[begin:].split("-----BEGIN PRIVATE")[0])
        self.fingerprint = hashlib.sha256(der).digest().hex(":").upper()

    def publish(self):
        self.pipeline = Gst.parse_launch(PUBLISH)
        self.peer = self.pipeline.get_by_name("peer")
        direction = GstWebRTC.WebRTCRTPTransceiverDirection.SENDONLY
        for index in range(2):
            transceiver = self.peer.emit("get-transceiver", index)
            transceiver.set_property("direction", direction)
        self.run()

    def play(self):
        self.pipeline = Gst.Pipeline()
        self.peer = Gst.ElementFactory.make("webrtcbin")
        self.peer.set_property("bundle-policy", GstWebRTC.WebRTCBundlePolicy.MAX_BUNDLE)
        self.pipeline.add(self.peer)
        direction = GstWebRTC.WebRTCRTPTransceiverDirection.RECVONLY
        for caps in RECEIVED:
            self.peer.emit("add-transceiver", direction, Gst.Caps.from_string(caps))
        self.peer.connect("pad-added", self.on_pad)
        self.run()

    def run(self):
        self.peer.connect("deep-element-added", self.on_element)
        self.ice = self.peer.get_property("ice-agent")
        self.ice.get_property("agent").set_property("upnp", False)
        self.peer.connect("on-negotiation-needed", self.on_negotiation_needed)
        self.peer.connect("notify::ice-gathering-state", self.on_gathering)
        self.peer.connect("notify::connection-state", self.on_connection)
        for number in (signal.SIGINT, signal.SIGTERM):
            GLib.unix_signal_add(GLib.PRIORITY_HIGH, number, self.end)
        self.pipeline.set_state(Gst.State.PLAYING)
        self.loop.run()
        self.leave()
        self.pipeline.set_state(Gst.State.NULL)

    def on_element(self, _peer, _bin, element):
        if element.__gtype__.name == "GstDtlsDec":
            element.set_property("pem", self.certificate)

    def on_negotiation_needed(self, _peer):
        promise = Gst.Promise.new_with_change_func(self.on_offer)
        self.peer.emit("create-offer", None, promise)

    def on_offer(self, promise):
        # The offer lives as long as the reply.
        reply = promise.get_reply()
        offer = reply.get_value("offer")
        self.peer.emit("set-local-description", offer, None)

    def on_gathering(self, peer, _property):
        state = peer.get_property("ice-gathering-state")
        if state == GstWebRTC.WebRTCICEGatheringState.COMPLETE and not self.has_offered:
            self.has_offered = True
            threading.Thread(target=self.post, daemon=True).start()

    def post(self):
        """Sends the offer with all candidates, and takes the answer."""
        try:
            offer = self.peer.get_property("local-description").sdp.as_text()
            offer = re.sub("(?<=a=fingerprint:sha-256 )[0-9A-F:]+", self.fingerprint, offer)
            headers = {"Content-Type": "application/sdp"}
            with self.request("POST", self.endpoint, offer.encode(), headers) as response:
                location = response.headers["Location"]
                answer = response.read()
            self.session = urllib.parse.urljoin(self.endpoint, location)
            say(f"session {location}")
            _, sdp = GstSdp.SDPMessage.new()
            GstSdp.sdp_message_parse_buffer(answer, sdp)
            kind = GstWebRTC.WebRTCSDPType.ANSWER
            description = GstWebRTC.WebRTCSessionDescription.new(kind, sdp)
            self.peer.emit("set-remote-description", description, None)
        except Exception as error:  # pylint: disable=broad-except
            say(f"failed {error}")
            self.loop.quit()

    def on_connection(self, peer, _property):
        state = peer.get_property("connection-state")
        if state == GstWebRTC.WebRTCPeerConnectionState.CONNECTED:
            say("connected")

    def on_pad(self, _peer, pad):
        if pad.direction != Gst.PadDirection.SRC:
            return
        decoder = Gst.ElementFactory.make("decodebin")
        decoder.connect("pad-added", self.on_decoded)
        self.pipeline.add(decoder)
        decoder.sync_state_with_parent()
        pad.link(decoder.get_static_pad("sink"))

    def on_decoded(self, _decoder, pad):
        kind = pad.query_caps(None).get_structure(0).get_name().split("/")[0]
        pad.add_probe(Gst.PadProbeType.BUFFER, self.on_buffer, kind)
        sink = Gst.ElementFactory.make("fakesink")
        self.pipeline.add(sink)
        sink.sync_state_with_parent()
        pad.link(sink.get_static_pad("sink"))

    def on_buffer(self, _pad, _info, kind):
        self.counts[kind] += 1
        if self.counts[kind] % 10 == 0:
            say(f"{kind} {self.counts[kind]}")
        return Gst.PadProbeReturn.OK

    def end(self):
        self.loop.quit()
        return GLib.SOURCE_REMOVE

    def leave(self):
        if self.session is not None:
            with self.request("DELETE", self.session, None, {}) as response:
                say(f"deleted {response.status}")

    def request(self, method, url, body, headers):
        headers = {**headers, "Authorization": f"Bearer {self.token}"}
        request = urllib.request.Request(url, body, headers, method=method)
        return urllib.request.urlopen(request, timeout=20)


def main():
    action, endpoint, token = sys.argv[1:]
    Gst.init(None)
    client = Client(endpoint, token)
    {"publish": client.publish, "play": client.play}[action]()


if __name__ == "__main__":
    main()
