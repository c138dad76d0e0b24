"""Small shipped maps and tables; `manifest.json` says where each comes from, its licence and SHA-256."""
