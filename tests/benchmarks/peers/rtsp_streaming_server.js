// rtsp-streaming-server as it is: `node rtsp_streaming_server.js PUBLISH_PORT CLIENT_PORT` prints `ready PUBLISH,CLIENT`.
const RtspServer = require("rtsp-streaming-server").default;

const [publishPort, clientPort] = process.argv.slice(2).map(Number);
const server = new RtspServer({
  serverPort: publishPort,
  clientPort: clientPort,
  rtpPortStart: 20000,
  rtpPortCount: 10000,
});
server.start().then(() => {
  console.log(`ready rtsp://127.0.0.1:${publishPort},rtsp://127.0.0.1:${clientPort}`);
});
