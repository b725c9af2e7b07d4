"""What the black-box tests stand on: a real router, RTSP clients of our own, real media programs."""
