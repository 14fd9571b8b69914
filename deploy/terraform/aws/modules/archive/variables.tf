variable "bucket" {
  description = "Name of the bucket, unique in the world."
  type        = string
}

variable "infrequent_after_days" {
  description = "Days after which objects move to the cheaper class for what is seldom read."
  type        = number

  validation {
    condition     = var.infrequent_after_days >= 30
    error_message = "S3 moves objects to that class after 30 days at the earliest."
  }
}
