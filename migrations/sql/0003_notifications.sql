-- Tables and functions of notifications; its GRANTs stand at its end.
SELECT 1;
