"""Files as streams: any file that FFmpeg reads, sent as it is (extra `trunkline[file]`)."""
