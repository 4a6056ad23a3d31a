-- Tables and functions of lots; its GRANTs stand at its end.
SELECT 1;
