"""Who agreed: go/no-go reviews of a decision, on frozen evidence."""
